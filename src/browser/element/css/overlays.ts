/** Of what opens over the list. */
export const OVERLAYS = `
.menu {
  display: none; position: fixed; inset: auto; margin: 0; padding: 0; border: 0; background: none; overflow: visible; color: var(--_text);
  width: max-content; max-width: min(320px, 100% - 16px);
}
.menu[data-open] { display: block; inset: var(--_top, 0) auto var(--_bottom, auto) var(--_left, 0); }
.menu[data-open] .window { display: block; }
.menu-list {
  display: flex; flex-direction: column; max-height: var(--_room, none); overflow-y: auto; padding: 5px; border-radius: 12px; background: var(--_surface);
  box-shadow: 0 0 0 1px light-dark(rgb(17 24 39 / 0.09), rgb(255 255 255 / 0.14)), 0 12px 28px -8px light-dark(rgb(10 15 30 / 0.28), rgb(0 0 0 / 0.75));
  animation: drop 0.14s var(--_ease);
}
.menu-item { display: flex; align-items: center; gap: 10px; min-height: 36px; padding: 6px 10px; border-radius: 8px; font-size: 13.5px; }
.menu-item .icon { color: var(--_muted); font-size: 13px; }
.menu-label { flex: 1; overflow-wrap: anywhere; hyphens: auto; }
.menu-detail { padding-inline-start: 18px; color: var(--_muted); font-size: 12.5px; font-variant-numeric: tabular-nums; }
.menu-item:hover, .menu-item:focus-visible { background: var(--_hover); }
.menu-item:focus-visible { outline-offset: -2px; }

.panel[data-page] > :not(.page, .grip, .menu) { display: none; }
.page { display: flex; flex-direction: column; flex: 1 1 auto; min-height: 0; animation: rise 0.2s var(--_ease); }
.page .header { flex-wrap: nowrap; gap: 6px; padding-inline: 14px 12px; }
.page-body { padding-block: 6px 14px; }
.waiting { display: grid; place-items: center; flex: 1; min-height: 220px; }
.back .icon { font-size: 16px; }
:host(:dir(rtl)) .back .icon { scale: -1 1; }

.snoozed-page { display: flex; flex: 1; flex-direction: column; }
.snoozed-list .row { grid-template-columns: 36px minmax(0, 1fr) auto; align-items: start; padding-inline-end: 8px; }
.until { color: var(--_accent); font-weight: 550; }
.bring-back { margin: 0; align-self: center; }
.failed { order: 2; color: var(--_bad); font-size: 12px; }
.failed:empty { display: none; }

.preferences .notice { margin: 6px 12px 8px; }
.preference-group + .lead { padding-block-start: 16px; }
.lead { padding: 6px 20px 8px; color: var(--_muted); font-size: 13px; }
.preference-group { margin: 6px 12px 0; padding-block: 4px; border: 1px solid var(--_line); border-radius: 12px; }
.preference { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 4px 12px; padding: 9px 12px; }
.preference-text { flex: 1 1 9em; min-width: 0; }
.preference-name { overflow-wrap: anywhere; hyphens: auto; font-weight: 550; }
.preference-category { flex: 1; min-width: 0; font-weight: 650; }
.preference-category .preference-name { font-weight: 650; }
.preference-other { padding: 9px 12px 3px; color: var(--_muted); font-size: 12px; font-weight: 600; }
.preference + .types { border-block-start: 1px solid var(--_line); }
.preference-about:empty { display: none; }
.preference-about { color: var(--_muted); font-size: 12.5px; line-height: 17px; overflow-wrap: anywhere; hyphens: auto; text-wrap: pretty; text-align: -webkit-match-parent; text-align: match-parent; }
.always { display: inline-flex; align-items: center; gap: 5px; max-width: 100%; color: var(--_muted); font-size: 12px; font-weight: 550; line-height: 20px; }
.always .icon { font-size: 11.5px; }
.switch { display: block; flex: none; width: 36px; height: 22px; padding: 2px; border-radius: 11px; background: light-dark(#7d8492, #5d6472); transition: background-color 0.15s; }
.switch i { display: block; width: 18px; height: 18px; border-radius: 50%; background: #fff; box-shadow: 0 1px 2px rgb(10 15 30 / 0.3); transition: translate 0.16s var(--_ease); }
.switch[aria-checked='true'] { background: var(--_accent); }
.switch[aria-checked='true'] i { background: var(--_on-accent); translate: 14px; }
:host(:dir(rtl)) .switch[aria-checked='true'] i { translate: -14px; }
.switch[aria-disabled], .switch[aria-busy] { opacity: 0.5; cursor: not-allowed; }
.switch[aria-busy] { cursor: progress; }
`;
