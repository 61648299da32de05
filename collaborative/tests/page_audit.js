// What looking.py asks the page that it is evaluated in.
window.looking = (() => {
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const colours = new Set();
  const stops = [];
  let round = false;

  /** Red, green, blue and alpha of any colour that CSS knows, each from 0 to 255. */
  function rgba(colour) {
    if (!known.has(colour)) {
      paint.clearRect(0, 0, 1, 1);
      paint.fillStyle = colour;
      paint.fillRect(0, 0, 1, 1);
      known.set(colour, paint.getImageData(0, 0, 1, 1).data);
    }
    return known.get(colour);
  }

  /** WCAG's relative luminance. */
  function luminance(colour) {
    const [red, green, blue] = [...rgba(colour)].map((value) => {
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
      const colour = getComputedStyle(at).backgroundColor;
      if (rgba(colour)[3] === 255) return colour;
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

  /** Whether some text has colours in which none was asked about before, as far as contrast
   *  goes: its own, those of what is behind it and around it, whether it is large, underlined. */
  function newColours() {
    const before = colours.size;
    for (const element of document.body.querySelectorAll("*")) {
      if (!hasText(element) || !element.checkVisibility()) continue;
      const { color, fontSize, fontWeight, opacity, textDecorationLine } =
        getComputedStyle(element);
      const isLarge = parseFloat(fontSize) >= (fontWeight >= 700 ? 18.66 : 24);
      const around = getComputedStyle(element.parentElement).color;
      const behind = backgroundAt(element);
      colours.add([color, behind, around, isLarge, opacity, textDecorationLine].join());
    }
    return colours.size > before;
  }

  // No fading from one scheme to the other: it would be looked at in the middle.
  const still = new CSSStyleSheet();
  still.replaceSync("*, *::before, *::after { transition: none !important }");
  document.adoptedStyleSheets.push(still);
  newColours();

  return {
    newColours,
    isSideways: () => document.documentElement.scrollWidth > document.documentElement.clientWidth,

    headings: () =>
      [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((found) => [
        Number(found.tagName[1]),
        found.textContent.trim(),
      ]),

    /** What can be read, line by line, and what can be filled in. */
    read() {
      const main = document.querySelector("main");
      const lines = main.innerText.split("\n").map((line) => line.replace(/\s+/g, " ").trim());
      const fields = main.querySelectorAll("input[name], select[name], textarea[name], button[name]");
      return lines.filter(Boolean).concat([...fields].map((field) => `field ${field.name}`));
    },

    /** From now on, remember where the Tab key leads. */
    watchFocus() {
      document.addEventListener("focusin", ({ target }) => {
        if (stops.includes(target)) round = true;
        else stops.push(target);
      });
    },

    isRound: () => round,
    stops: () => stops.length,

    /** What is wrong with the focus rings of these stops, as they look now. */
    rings() {
      const found = [];
      for (const element of stops) {
        if (!element.checkVisibility()) continue; // at this width
        element.focus();
        const problem = problemOf(element);
        if (problem) found.push(`${element.outerHTML.slice(0, 120)} ${problem}`);
      }
      return found;
    },
  };
})();
