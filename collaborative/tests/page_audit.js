// What page_audit.py asks the page that it is evaluated in.
window.pageAudit = (() => {
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgbaOf = new Map();
  const stops = new Set();
  let isBack = false;
  let shownSheets = "";
  let styled = new Set();

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

  const keep = (groups, name, element) =>
    groups.has(name) ? groups.get(name).push(element) : groups.set(name, [element]);

  /** The elements with text by their colors, as far as contrast goes: its own, those of what is
   *  behind it and around it, whether it is large, underlined. */
  function byColors() {
    const groups = new Map();
    for (const element of document.body.querySelectorAll("*")) {
      if (!hasText(element) || !element.checkVisibility()) continue;
      const { color, fontSize, fontWeight, opacity, textDecorationLine } =
        getComputedStyle(element);
      const isLarge = parseFloat(fontSize) >= (fontWeight >= 700 ? 18.66 : 24);
      const around = getComputedStyle(element.parentElement).color;
      const behind = backgroundAt(element);
      const colors = [color, behind, around, isLarge, opacity, textDecorationLine].join();
      keep(groups, colors, element);
    }
    return groups;
  }

  /** The class names that a style sheet mentions. */
  function styledClasses() {
    const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]);
    return new Set(rules.flatMap(({ cssText }) => cssText.match(/(?<=\.)[a-z_-][\w-]*/gi) ?? []));
  }

  // What rules about a whole page ask for.
  const parts =
    "main, nav, header, footer, aside, section, form, dialog, iframe, h1, h2, h3, h4, h5, h6, [role]";

  // Elements that are used, and those whose meaning depends on what they stand in.
  const used = "a, button, input, select, textarea, summary, [tabindex='0']";
  const inContext = `${used}, ${parts}, li, dt, dd, tr, th, td, option, legend, figcaption, label`;

  /** All elements by their kind: tag, type and styled classes; where it matters, those of the
   *  parent too. */
  function byKind() {
    const kindOf = ({ localName, type, classList }) =>
      [localName, type, ...[...classList].filter((name) => styled.has(name)).sort()].join(".");
    const groups = new Map();
    for (const element of document.body.querySelectorAll("*")) {
      const kind = kindOf(element);
      const { parentElement } = element;
      keep(groups, element.matches(inContext) ? `${kindOf(parentElement)} ${kind}` : kind, element);
    }
    return groups;
  }

  // What was ever shown, and the elements of the page that are of a new kind.
  const seen = { kinds: new Set(), colors: new Set() };
  let freshKinds = [];

  /** The elements of these groups that are shown for the first time, which are remembered. */
  function newOf(what, groups) {
    const names = [...groups.keys()].filter((name) => !seen[what].has(name));
    for (const name of names) seen[what].add(name);
    return names.flatMap((name) => groups.get(name));
  }

  /** Mark these elements for the rules that look at nothing else. */
  function mark(name, elements) {
    for (const element of document.querySelectorAll(`[${name}]`)) element.removeAttribute(name);
    for (const element of elements) element.setAttribute(name, "");
    return elements.length > 0;
  }

  /** Whether it moves its content, which Chromium lets the keyboard do. */
  function isScroller(element) {
    const { overflowX, overflowY } = getComputedStyle(element);
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = element;
    const moves = (overflow) => ["auto", "scroll"].includes(overflow);
    return (
      (moves(overflowX) && scrollWidth > clientWidth) ||
      (moves(overflowY) && scrollHeight > clientHeight)
    );
  }

  const isStop = (element) => element.matches(used) || isScroller(element);

  // Run on what is new alone, which is marked: they take most of the time. The answers to all other
  // rules are in the document, whatever its colors and width are.
  const colorRules = ["color-contrast", "link-in-text-block"];
  const sizeRules = ["target-size", "scrollable-region-focusable"];
  const everyRule = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const newColors = "data-new-colors";
  const newSizes = "data-new-sizes";

  /** What axe finds wrong with these elements, or the whole document. */
  async function axeFindings(runOnly, include = document) {
    const options = { runOnly, resultTypes: ["violations"], preload: false };
    const { violations } = await axe.run(include, options);
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html }) => `${id}: ${html.slice(0, 150)}`),
    );
  }

  // No fading from one scheme to the other: it would be checked in the middle.
  const noTransitions = new CSSStyleSheet();
  noTransitions.replaceSync("*, *::before, *::after { transition: none !important }");
  document.adoptedStyleSheets.push(noTransitions);

  /** Show the page of `html` instead of what is here. Its scripts do not run. */
  async function show(html) {
    const next = new DOMParser().parseFromString(html, "text/html");
    // As desk.js does; the head of its column would be empty.
    next.getElementById("action-toggle")?.classList.add("works");
    // They would open as a visitor.
    for (const frame of next.querySelectorAll("iframe")) frame.removeAttribute("src");
    const root = document.documentElement;
    for (const { name } of [...root.attributes]) root.removeAttribute(name);
    for (const { name, value } of next.documentElement.attributes) root.setAttribute(name, value);
    const kept = [...next.head.querySelectorAll("title, meta[name]")];
    const sheets = [...next.querySelectorAll("link[rel=stylesheet]")];
    const names = sheets.map((sheet) => sheet.outerHTML).join();
    if (names === shownSheets) {
      for (const old of document.head.querySelectorAll("title, meta")) old.remove();
      document.head.append(...kept);
    } else {
      shownSheets = names;
      const loaded = sheets.map(
        (sheet) => new Promise((done) => (sheet.onload = sheet.onerror = done)),
      );
      document.head.replaceChildren(...kept, ...sheets);
      await Promise.all(loaded);
      styled = styledClasses();
    }
    document.body.replaceWith(next.body);
    window.scrollTo(0, document.body.offsetTop);
    await document.fonts.ready;
  }

  function scrollsSideways() {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth > clientWidth;
  }

  const headings = () =>
    [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((heading) => [
      Number(heading.tagName[1]),
      heading.textContent.trim(),
    ]);

  /** Fields, buttons, links and pictures without a name, ids that two elements have, and more or
   *  fewer than one main part. */
  function unnamed() {
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
    const mains = document.querySelectorAll("main").length;
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    return [...nameless, ...pictures]
      .map((element) => `has no name: ${element.outerHTML.slice(0, 120)}`)
      .concat(ids.filter((id, at) => ids.indexOf(id) < at).map((id) => `two have the id ${id}`))
      .concat(mains === 1 ? [] : [`has ${mains} main parts`]);
  }

  /** Forms, and groups of fields, that two elements call by one name, or that have none: for a
   *  screen reader's list of them. A form with a role of its own is not in that list. */
  function sameName() {
    const nameOf = (element) =>
      element.ariaLabel ||
      document.getElementById(element.getAttribute("aria-labelledby"))?.textContent.trim() ||
      element.querySelector(":scope > legend")?.textContent.trim() ||
      "";
    const problems = [];
    for (const kind of ["form:not([role])", ":is(fieldset, [role=group]):has(input)"]) {
      const names = [...document.querySelectorAll(kind)].map(nameOf);
      const twice = names.filter((name, at) => names.indexOf(name) < at);
      problems.push(...new Set(twice.map((name) => `two of ${kind} are named "${name}"`)));
    }
    return problems;
  }

  /** What is wrong with the focus rings of what is of a new kind, as they look now. */
  function focusRings() {
    const problems = [];
    for (const element of freshKinds) {
      // Some are shown at other widths only.
      if (!isStop(element) || !element.checkVisibility()) continue;
      element.focus();
      if (document.activeElement !== element) continue;
      const problem = problemOf(element);
      if (problem) problems.push(`${element.outerHTML.slice(0, 120)} ${problem}`);
    }
    // A link that shows only with the focus would be in the way of what is checked next.
    document.activeElement?.blur();
    return problems;
  }

  return {
    /** Begin an audit in this page, in which axe is. */
    begin() {
      const restrict = (rules, mark) => rules.map((id) => ({ id, selector: `[${mark}]` }));
      const rules = [...restrict(colorRules, newColors), ...restrict(sizeRules, newSizes)];
      axe.configure({ rules });
    },

    /** Show the page of `html`. Returns its headings, what is wrong with it whatever it looks like
     *  and how what is new looks now, and whether anything is new, and can be used. */
    async look(html) {
      await show(html);
      const problems = [...unnamed(), ...sameName()];
      const isWide = scrollsSideways();
      freshKinds = newOf("kinds", byKind());
      const stops = freshKinds.filter(isStop);
      mark(newSizes, stops);
      const areColorsNew = mark(newColors, [...newOf("colors", byColors()), ...stops]);
      const isNew = freshKinds.length > 0 || areColorsNew;
      const isUsed = freshKinds.some((element) => element.matches(used));
      if (freshKinds.some((element) => element.matches(parts))) {
        problems.push(...(await axeFindings(everyRule)));
      } else if (isNew) {
        const marked = document.querySelectorAll(`[${newColors}]`);
        const include = new Set([...freshKinds, ...marked]);
        problems.push(...(await axeFindings(everyRule, { include: [...include] })));
      }
      return { headings: headings(), problems: [...problems, ...focusRings()], isWide, isNew, isUsed };
    },

    /** What is wrong with how what is new looks in other colors. */
    async lookAtColors() {
      const areNew = mark(newColors, newOf("colors", byColors()));
      return [...(areNew ? await axeFindings(colorRules) : []), ...focusRings()];
    },

    /** What is wrong with the sizes of what is new at another width. */
    async lookAtSizes() {
      const areNew = mark(newSizes, freshKinds.filter(isStop));
      return [...(areNew ? await axeFindings(sizeRules) : []), ...focusRings()];
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
        isBack ||= stops.has(target);
        stops.add(target);
      });
    },

    isFocusBack: () => isBack,
  };
})();
