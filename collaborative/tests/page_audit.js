// What page_audit.py asks the page that it is evaluated in.
window.pageAudit = (() => {
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgbaOf = new Map();
  const stops = [];
  let isBack = false;

  /** Red, green, blue and alpha of any color that CSS knows, each from 0 to 255. */
  function rgba(color) {
    if (!rgbaOf.has(color)) {
      paint.clearRect(0, 0, 1, 1);
      paint.fillStyle = color;
      paint.fillRect(0, 0, 1, 1);
      rgbaOf.set(color, paint.getImageData(0, 0, 1, 1).data);
    }
    return rgbaOf.get(color);
  }

  /** WCAG's relative luminance. */
  function luminance(color) {
    const [red, green, blue] = [...rgba(color)].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  function contrast(one, other) {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }

  /** The element or the part around it (a card) that the ring is drawn on, with its style. */
  function ringOf(element) {
    for (let at = element; at && at !== document.body; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2) {
        return [at, style];
      }
    }
    return [null, null];
  }

  function backgroundAt(element) {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (rgba(color)[3] === 255) return color;
    }
    return "white";
  }

  /** Whether something around the ring cuts off three of its sides or more. */
  function isCut(drawn, reach) {
    const box = drawn.getBoundingClientRect();
    for (let at = drawn.parentElement; at && at !== document.body; at = at.parentElement) {
      if (getComputedStyle(at).overflow === "visible") continue;
      const clip = at.getBoundingClientRect();
      const cut = [
        box.left - reach < clip.left - 1,
        box.right + reach > clip.right + 1,
        box.top - reach < clip.top - 1,
        box.bottom + reach > clip.bottom + 1,
      ];
      if (cut.filter(Boolean).length > 2) return true;
    }
    return false;
  }

  function problemOf(element) {
    const [drawn, style] = ringOf(element);
    if (!drawn) return "has no ring";
    const { width, height } = drawn.getBoundingClientRect();
    if (width < 2 || height < 2) return "is too small to be seen";
    const offset = parseFloat(style.outlineOffset);
    const background = backgroundAt(offset < 0 ? drawn : drawn.parentElement);
    const ratio = contrast(style.outlineColor, background);
    if (rgba(style.outlineColor)[3] < 255 || ratio < 3) {
      return `has a ring of ${ratio.toFixed(2)}:1 (${style.outlineColor} on ${background})`;
    }
    return isCut(drawn, offset + parseFloat(style.outlineWidth)) ? "has a ring that is cut off" : "";
  }

  const hasText = (element) =>
    element.matches("input, select, textarea") ||
    [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());

  /** The colors of every text, as far as contrast goes: its own, those of what is behind it and
   *  around it, whether it is large, underlined. */
  function colors() {
    const combinations = new Set();
    for (const element of document.body.querySelectorAll("*")) {
      if (!hasText(element) || !element.checkVisibility()) continue;
      const { color, fontSize, fontWeight, opacity, textDecorationLine } =
        getComputedStyle(element);
      const isLarge = parseFloat(fontSize) >= (fontWeight >= 700 ? 18.66 : 24);
      const around = getComputedStyle(element.parentElement).color;
      const behind = backgroundAt(element);
      combinations.add([color, behind, around, isLarge, opacity, textDecorationLine].join());
    }
    return [...combinations];
  }

  /** The class names that a style sheet mentions. */
  function styledClasses() {
    const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]);
    return new Set(rules.flatMap(({ cssText }) => cssText.match(/(?<=\.)[a-z_-][\w-]*/gi) ?? []));
  }

  // Elements whose meaning depends on what they stand in, and those that are used.
  const inContext = "li, dt, dd, tr, th, td, option, legend, figcaption, label, summary, a, button, " +
    "input, select, textarea";

  /** The kind of every element: its tag, type and styled classes; where it matters, those of its
   *  parent too. */
  function kinds() {
    const styled = styledClasses();
    const kindOf = ({ localName, type, classList }) =>
      [localName, type, ...[...classList].filter((name) => styled.has(name)).sort()].join(".");
    const elements = [...document.body.querySelectorAll("*")];
    return [
      ...new Set(
        elements.map((element) =>
          element.matches(inContext)
            ? `${kindOf(element.parentElement)} ${kindOf(element)}`
            : kindOf(element),
        ),
      ),
    ];
  }

  // No fading from one scheme to the other: it would be checked in the middle.
  const noTransitions = new CSSStyleSheet();
  noTransitions.replaceSync("*, *::before, *::after { transition: none !important }");
  document.adoptedStyleSheets.push(noTransitions);

  return {
    colors,
    kinds,
    scrollsSideways() {
      const { scrollWidth, clientWidth } = document.documentElement;
      return scrollWidth > clientWidth;
    },

    headings: () =>
      [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((heading) => [
        Number(heading.tagName[1]),
        heading.textContent.trim(),
      ]),

    /** Fields, buttons, links and pictures without a name, and ids that two elements have. */
    unnamed() {
      const textOf = (element) =>
        [element.ariaLabel, element.title, element.alt, element.textContent].join("").trim() ||
        (element.type === "submit" && element.value) ||
        [...element.querySelectorAll("img, svg")].map(textOf).join("");
      const referenced = (element) =>
        (element.getAttribute("aria-labelledby") ?? "").split(" ").map((id) =>
          document.getElementById(id)?.textContent ?? "").join("").trim();
      const nameOf = (element) =>
        referenced(element) ||
        (element.labels
          ? [...element.labels].map(textOf).join("") || element.ariaLabel || element.title
          : textOf(element));
      const named = "a[href], button, select, textarea, summary, input:not([type=hidden])";
      const nameless = [...document.querySelectorAll(named)].filter(
        (element) => element.checkVisibility() && !(nameOf(element) || textOf(element)),
      );
      const pictures = [...document.querySelectorAll("img:not([alt])")];
      const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
      return [...nameless, ...pictures]
        .map((element) => `has no name: ${element.outerHTML.slice(0, 120)}`)
        .concat(ids.filter((id, at) => ids.indexOf(id) < at).map((id) => `two have the id ${id}`));
    },

    /** What can be read, line by line, and what can be filled in. */
    readableLines() {
      const main = document.querySelector("main");
      const lines = main.innerText.split("\n").map((line) => line.replace(/\s+/g, " ").trim());
      const fields = main.querySelectorAll("input[name], select[name], textarea[name], button[name]");
      return lines.filter(Boolean).concat([...fields].map((field) => `field ${field.name}`));
    },

    /** From now on, remember where the Tab key leads. */
    watchFocus() {
      document.addEventListener("focusin", ({ target }) => {
        if (stops.includes(target)) isBack = true;
        else stops.push(target);
      });
    },

    isFocusBack: () => isBack,

    /** What is wrong with the focus rings of these stops, as they look now. */
    focusRings() {
      const problems = [];
      for (const element of stops) {
        // Some are shown at other widths only.
        if (!element.checkVisibility()) continue;
        element.focus();
        const problem = problemOf(element);
        if (problem) problems.push(`${element.outerHTML.slice(0, 120)} ${problem}`);
      }
      return problems;
    },
  };
})();
