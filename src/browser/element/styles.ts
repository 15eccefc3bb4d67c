/** By their text: elements of a page share them. */
const sheets = new Map<string, CSSStyleSheet>();

/** Adds a style sheet, as a constructed one: a strict Content-Security-Policy would block a `<style>`. */
export function adoptSheet(root: ShadowRoot, css: string): void {
  let sheet = sheets.get(css);
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    sheets.set(css, sheet);
  }
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
}
