import { BASE } from './css/base.js';
import { PANEL } from './css/panel.js';
import { ROW } from './css/row.js';

let sheet: CSSStyleSheet | undefined;

/** One sheet for all bells of a page, and no `<style>`: a strict Content-Security-Policy has nothing to forbid here. */
export function adopt(root: ShadowRoot): void {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(BASE + PANEL + ROW);
  }
  root.adoptedStyleSheets = [sheet];
}
