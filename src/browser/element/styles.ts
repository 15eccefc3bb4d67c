import { BASE } from './css/base.js';
import { PANEL } from './css/panel.js';
import { ROW } from './css/row.js';

let sheet: CSSStyleSheet | undefined;

/** Adds the styles, as one constructed sheet for all bells of a page: a strict Content-Security-Policy would block a `<style>`. */
export function adoptStyles(root: ShadowRoot): void {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(BASE + PANEL + ROW);
  }
  root.adoptedStyleSheets = [sheet];
}
