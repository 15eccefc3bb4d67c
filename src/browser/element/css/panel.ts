export const PANEL = `
.layer { display: none; position: fixed; z-index: 2147483000; inset: auto; margin: 0; padding: 0; border: 0; background: none; color: inherit; overflow: visible; }
.layer[data-open] {
  --_width: min(var(--tidings-panel-width, 400px), 100% - 16px);
  display: flex; flex-direction: column; width: var(--_width); max-height: min(var(--tidings-panel-height, 620px), 100% - 16px); margin-block: 8px;
  position-anchor: --tidings-bell; position-area: block-end span-all; position-try: most-block-size flip-block;
  justify-self: self-end; inset-inline-end: clamp(8px, anchor(self-end), 100% - 8px - var(--_width));
}
@media (width > 480px) {
  .layer[data-measured] {
    position-area: none; position-try: none; justify-self: auto; inset: var(--_top) auto var(--_bottom) var(--_left); margin: 0;
    max-height: min(var(--tidings-panel-height, 620px), var(--_room));
  }
}
.window { display: none; position: fixed; inset: 0; visibility: hidden; pointer-events: none; }
.layer[data-open] .window { display: block; }
:host([inline]) .layer { display: block; position: static; width: auto; }

.panel {
  display: flex; flex-direction: column; position: relative; min-height: 0;
  overflow: clip;
  border-radius: var(--_radius);
  background: var(--_surface); color: var(--_text);
  box-shadow:
    0 0 0 1px light-dark(rgb(17 24 39 / 0.07), rgb(255 255 255 / 0.11)),
    0 4px 10px -4px rgb(10 15 30 / 0.14),
    0 22px 48px -14px light-dark(rgb(10 15 30 / 0.26), rgb(0 0 0 / 0.7));
  font: 400 14px/1.43 var(--_font);
  letter-spacing: normal; text-transform: none; white-space: normal; word-spacing: normal;
  -webkit-font-smoothing: antialiased;
}
.panel:focus { outline: none; }
.panel:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
.layer[data-open] .panel { transform-origin: var(--_origin, 50% 0); animation: open 0.2s var(--_ease); }
:host([inline]) .panel { height: var(--tidings-panel-height, 480px); box-shadow: none; }
@keyframes open { from { opacity: 0; scale: 0.96; translate: 0 -4px; } }

.grip { display: none; }
.header { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 8px; flex: none; min-height: 58px; padding-block: 12px 8px; padding-inline: 20px 12px; }
.heading { min-width: 0; overflow-wrap: anywhere; hyphens: auto; font-size: 17px; font-weight: 650; line-height: 1.3; letter-spacing: -0.012em; }
.count {
  min-width: 22px; padding: 0 7px; border-radius: 11px;
  background: color-mix(in srgb, var(--_accent) 12%, transparent); color: var(--_accent);
  font-size: 12px; font-weight: 650; line-height: 22px; text-align: center; font-variant-numeric: tabular-nums;
}
.quiet, .retry {
  display: inline-flex; align-items: center; gap: 6px; min-height: 32px; padding-inline: 10px; border-radius: 9px;
  color: var(--_accent); font-size: 13px; font-weight: 550; white-space: nowrap;
  transition: background-color 0.15s;
}
.tools { display: flex; align-items: center; justify-content: flex-end; gap: 8px; flex: 1 1 176px; min-width: 0; }
.quiet { min-width: 0; }
.quiet span { overflow: hidden; text-overflow: ellipsis; }
.quiet:hover, .retry:hover { background: color-mix(in srgb, var(--_accent) 9%, transparent); }
.quiet[aria-disabled] { color: var(--_muted); cursor: default; background: none; }
.quiet .icon { font-size: 14px; }
.small { display: grid; place-items: center; flex: none; width: 28px; height: 28px; border-radius: 8px; color: var(--_muted); font-size: 14px; transition: background-color 0.15s, color 0.15s; }
@media (hover: hover) { .small:hover { background: color-mix(in srgb, var(--_text) 9%, transparent); color: var(--_text); } }
.small:focus-visible { outline-offset: -1px; }
.close, .panel:has(.view > .message) .quiet, .panel:has(.view > .error) .menu-button { display: none; }
.small .icon, .glyph .icon { max-width: 22px; max-height: 22px; }
.menu-button .icon { font-size: 16px; stroke-width: 2.6; }

.tabs { display: flex; gap: 2px; flex: none; margin-block-end: -1px; padding-inline: 12px; overflow-x: auto; overflow-y: hidden; scrollbar-width: none; }
.tab {
  display: inline-flex; align-items: center; gap: 6px; position: relative; flex: none; max-width: 70%; min-height: 38px; padding: 4px 9px 8px; border-radius: 8px 8px 0 0;
  color: var(--_muted); font-size: 13px; font-weight: 550; white-space: nowrap; transition: color 0.15s;
}
.tab span { overflow: hidden; text-overflow: ellipsis; }
.tab[aria-selected='true'] { color: var(--_text); }
.tab[aria-selected='true']::after { content: ''; position: absolute; inset-block-end: 0; inset-inline: 9px; height: 2.5px; border-radius: 2px 2px 0 0; background: var(--_accent); }
.tab:focus-visible { outline-offset: -3px; }
@media (hover: hover) { .tab:hover { color: var(--_text); } }
.tab-count { flex: none; min-width: 18px; padding: 0 5px; border-radius: 9px; background: color-mix(in srgb, var(--_muted) 15%, transparent); font-size: 11px; font-weight: 650; line-height: 18px; text-align: center; font-variant-numeric: tabular-nums; }
.tab-count:empty { display: none; }
.tab[aria-selected='true'] .tab-count { background: color-mix(in srgb, var(--_accent) 12%, transparent); color: var(--_accent); }

.notice {
  display: flex; align-items: flex-start; gap: 10px; flex: none;
  margin: 0 12px 8px; padding: 9px 12px; border-radius: 10px;
  background: color-mix(in srgb, var(--_warm) 12%, transparent); color: light-dark(#6f3f00, #f3c684);
  font-size: 13px; line-height: 1.4;
  animation: drop 0.2s var(--_ease);
}
.notice .icon { margin-block-start: 1px; font-size: 14px; }
.notice[data-notice='failed'] { background: color-mix(in srgb, var(--_bad) 11%, transparent); color: light-dark(#9c2015, #ffb0a5); }
@keyframes drop { from { opacity: 0; translate: 0 -4px; } }

.middle { display: flex; flex-direction: column; position: relative; flex: 1 1 auto; min-height: 0; border-block-start: 1px solid var(--_line); }
.scroller {
  display: flex; flex-direction: column; flex: 1 1 auto; min-height: 0; overflow-y: auto; overscroll-behavior: contain; position: relative;
  scrollbar-width: thin; scrollbar-color: color-mix(in srgb, var(--_muted) 45%, transparent) transparent;
}
.view { flex: 1 0 auto; display: flex; flex-direction: column; }
.above {
  display: inline-flex; align-items: center; gap: 6px; position: absolute; z-index: 2; inset-block-start: 10px; inset-inline: 0; width: fit-content; margin-inline: auto;
  min-height: 32px; padding-inline: 12px 14px; border-radius: 16px;
  background: var(--_accent); color: var(--_on-accent);
  font-size: 13px; font-weight: 600; box-shadow: 0 6px 16px -6px rgb(10 15 30 / 0.5);
  animation: drop 0.2s var(--_ease);
}
.above .icon { font-size: 12px; stroke-width: 2.25; }

.foot { display: flex; flex-wrap: wrap; align-items: center; justify-content: center; gap: 4px 8px; flex: none; min-height: 52px; padding: 8px 20px 12px; color: var(--_muted); font-size: 13px; text-align: center; }
.end { display: flex; align-items: center; gap: 12px; width: 100%; }
.end::before, .end::after { content: ''; flex: 1; height: 1px; background: var(--_line); }
.spinner { width: 18px; height: 18px; border-radius: 50%; border: 2px solid color-mix(in srgb, var(--_muted) 30%, transparent); border-block-start-color: var(--_muted); animation: turn 0.8s linear infinite; }
@keyframes turn { to { rotate: 1turn; } }
.hint { display: none; flex: none; padding: 7px 20px 8px; border-block-start: 1px solid var(--_line); color: var(--_muted); font-size: 12px; text-align: center; }
.panel:has(.list :focus-visible) .hint { display: block; }

.message { display: flex; flex-direction: column; align-items: center; justify-content: center; flex: 1; min-height: 290px; padding: 28px 36px 44px; text-align: center; animation: rise 0.3s var(--_ease); }
.picture {
  --_tint: var(--_accent);
  display: grid; place-items: center; position: relative; width: 76px; height: 76px; margin-block-end: 18px; border-radius: 50%;
  background: radial-gradient(circle at 50% 32%, color-mix(in srgb, var(--_tint) 7%, transparent), color-mix(in srgb, var(--_tint) 17%, transparent));
  color: var(--_tint); font-size: 25px;
}
.picture::before, .picture::after { content: ''; position: absolute; border-radius: 50%; background: currentColor; }
.picture::before { width: 6px; height: 6px; inset-block-start: 2px; inset-inline-end: 0; opacity: 0.55; }
.picture::after { width: 4px; height: 4px; inset-block-end: 12px; inset-inline-start: -9px; opacity: 0.4; }
.error .picture { --_tint: var(--_muted); }
.message-title { font-size: 15px; font-weight: 650; letter-spacing: -0.005em; }
.message-body { margin-block-start: 4px; max-width: 30ch; color: var(--_muted); text-wrap: balance; }
.message .retry { margin-block-start: 16px; min-height: 36px; padding-inline: 16px; box-shadow: inset 0 0 0 1px color-mix(in srgb, var(--_accent) 40%, transparent); }
@keyframes rise { from { opacity: 0; translate: 0 6px; } }

.loading { padding-block: 14px; }
.skeleton { display: flex; gap: 12px; padding: 12px 20px; }
.skeleton i { flex: none; width: 36px; height: 36px; border-radius: 50%; }
.skeleton span { display: grid; flex: 1; gap: 9px; align-content: start; padding-block-start: 5px; }
.skeleton b { height: 10px; border-radius: 5px; width: 88%; }
.skeleton b:first-child { width: 58%; }
.skeleton:nth-child(odd) b:first-child { width: 46%; }
.skeleton i, .skeleton b { background: color-mix(in srgb, var(--_muted) 18%, transparent); animation: breathe 1.4s ease-in-out infinite alternate; }
.skeleton:nth-child(n + 4) { opacity: 0.6; }
.skeleton:nth-child(n + 6) { opacity: 0.3; }
@keyframes breathe { to { opacity: 0.45; } }

@media (max-width: 480px) {
  .layer[data-open] {
    justify-content: flex-end; justify-self: stretch; position-area: none; position-try: none;
    inset: 0; width: auto; height: auto; max-width: none; max-height: none; margin: 0;
    background: rgb(8 10 16 / 0.45); animation: dim 0.2s;
  }
  .layer[data-open] .panel {
    width: 100%; max-height: 86%; border-end-start-radius: 0; border-end-end-radius: 0; padding-block-end: env(safe-area-inset-bottom);
    animation: slide 0.28s var(--_ease);
  }
  .layer[data-open] .grip { display: block; flex: none; width: 36px; height: 4px; margin: 8px auto 0; border-radius: 2px; background: color-mix(in srgb, var(--_muted) 40%, transparent); }
  .layer[data-open] .close { display: grid; width: 36px; height: 36px; font-size: 16px; }
  .layer[data-open] .panel:focus-visible { outline-offset: -3px; }
  @keyframes dim { from { background-color: transparent; } }
  @keyframes slide { from { translate: 0 40px; opacity: 0; } }
}
@media (forced-colors: active) {
  .panel { border: 1px solid CanvasText; }
  .dot, .badge.no-count { forced-color-adjust: none; background: Highlight; }
}
`;
