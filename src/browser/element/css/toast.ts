export const TOAST = `
.toasts {
  display: none; position: fixed; z-index: 2147482999; inset: auto; margin: 0; padding: 0; border: 0; background: none; color: inherit; overflow: visible;
  inset-block-end: 8px; inset-inline-end: 8px; width: min(var(--tidings-toast-width, 384px), 100% - 16px); height: auto; max-width: none; max-height: calc(100% - 16px);
  font: 400 14px/1.43 var(--_font); letter-spacing: normal; text-transform: none; white-space: normal; word-spacing: normal; -webkit-font-smoothing: antialiased;
}
.toasts[data-open] { display: block; }
:host([position^='top']) .toasts { inset-block: 8px auto; }
:host([position$='start']) .toasts { inset-inline: 8px auto; }
.toast-list { display: flex; flex-direction: column; }
:host([position^='top']) .toast-list { flex-direction: column-reverse; }
.toast { display: grid; grid-template-rows: 1fr; transition: grid-template-rows 0.22s var(--_ease), opacity 0.18s, translate 0.22s var(--_ease); }
.toast-box { min-height: 0; }
.toast-card {
  display: grid; grid-template-columns: 36px minmax(0, 1fr) 28px; gap: 12px; position: relative; margin: 4px 0; padding-block: 12px; padding-inline: 14px 10px;
  border-radius: min(var(--_radius), 16px); background: var(--_surface); color: var(--_text);
  box-shadow:
    0 0 0 1px light-dark(rgb(17 24 39 / 0.07), rgb(255 255 255 / 0.13)),
    0 3px 8px -3px rgb(10 15 30 / 0.14),
    0 14px 32px -12px light-dark(rgb(10 15 30 / 0.3), rgb(0 0 0 / 0.75));
}
.toast .title { font-weight: 650; color: var(--_text); }
.toast .urgent:not(:empty) { display: block; width: fit-content; margin-block-end: 3px; }
.toast-card:not(:has(.body:not([hidden]), .answers > *)) { align-items: center; }
.dismiss { position: relative; z-index: 1; margin-block-start: -3px; }
@media (hover: hover) { .toast:hover .toast-card { background: color-mix(in srgb, var(--_hover) 50%, var(--_surface)); } }
.toast[data-severity='high'] .toast-card::before { content: ''; position: absolute; inset-block: 12px; inset-inline-start: 4px; width: 3px; border-radius: 2px; background: var(--_bad); }
@starting-style { .toast { grid-template-rows: 0fr; opacity: 0; translate: 0 12px; } }
.toast.leaving { grid-template-rows: 0fr; opacity: 0; pointer-events: none; }
.toast.leaving .toast-box { overflow: clip; overflow-clip-margin: 0; }
@media (forced-colors: active) { .toast-card { border: 1px solid CanvasText; } }
`;
