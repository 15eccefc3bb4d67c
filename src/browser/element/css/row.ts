export const ROW = `
.list { position: relative; padding-block-end: 6px; }
.sentinel { position: absolute; z-index: -1; inset-block-end: 0; inset-inline-start: 0; width: 1px; height: min(100%, 900px); pointer-events: none; visibility: hidden; }
.day {
  position: sticky; z-index: 1; inset-block-start: 0; padding: 12px 20px 6px;
  background: linear-gradient(var(--_surface) 78%, transparent);
  color: var(--_muted); font-size: 12px; font-weight: 600; line-height: 16px;
}
.group ul { content-visibility: auto; contain-intrinsic-block-size: auto calc(var(--_rows) * 78px); }
.row {
  display: grid; grid-template-columns: 36px minmax(0, 1fr) 28px; gap: 12px; position: relative;
  margin-inline: 8px; padding: 10px 6px 10px 12px; padding-inline: 12px 6px; border-radius: 12px;
}
.glyph { display: grid; place-items: center; width: 36px; height: 36px; margin-block-start: 1px; border-radius: 50%; background: color-mix(in srgb, var(--_tone) 13%, transparent); color: var(--_tone); font-size: 14.5px; }
.glyph .icon { stroke-width: 1.9; }
.glyph { --_tone: var(--_muted); }
.glyph[data-tone='good'] { --_tone: var(--_good); }
.glyph[data-tone='bad'] { --_tone: var(--_bad); }
.glyph[data-tone='warm'] { --_tone: var(--_warm); }
.glyph[data-tone='info'] { --_tone: var(--_info); }
.content { min-width: 0; }
.main { display: block; width: 100%; outline: none; }
.main::after { content: ''; position: absolute; inset: 0; border-radius: inherit; }
.main:focus-visible::after { outline: 2px solid var(--_accent); outline-offset: -2px; border-radius: 12px; }
.title, .body { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; overflow-wrap: anywhere; text-align: -webkit-match-parent; text-align: match-parent; }
.title { color: color-mix(in srgb, var(--_text) 86%, var(--_surface)); font-weight: 500; line-height: 20px; }
.unread .title { color: var(--_text); font-weight: 650; }
.body { margin-block-start: 1px; color: var(--_muted); font-size: 13px; line-height: 18px; }
.meta { display: flex; align-items: center; gap: 8px; margin-block-start: 3px; color: var(--_muted); font-size: 12px; line-height: 16px; }
time, .collapsed { unicode-bidi: plaintext; }
.collapsed:empty { display: none; }
.collapsed { padding: 0 7px; border-radius: 8px; background: color-mix(in srgb, var(--_muted) 14%, transparent); font-weight: 550; }
.actions { display: flex; flex-direction: column; gap: 2px; position: relative; z-index: 1; margin-block-start: -3px; }
.toggle { position: relative; }
.toggle .dot { position: absolute; width: 9px; height: 9px; border-radius: 50%; background: var(--_accent); transition: scale 0.2s var(--_ease), opacity 0.15s; }
.toggle .icon { opacity: 0; }
.row:not(.unread) .dot { width: 10px; height: 10px; background: none; box-shadow: inset 0 0 0 1.75px currentColor; opacity: 0; }
.row:not(.unread):focus-within .dot { opacity: 1; }
.unread .toggle:focus-visible .dot { scale: 0; }
.unread .toggle:focus-visible .icon { opacity: 1; }
.archive { opacity: 0; transition: opacity 0.12s, background-color 0.15s, color 0.15s; }
.row:focus-within .archive { opacity: 1; }
@media (hover: hover) {
  .row:hover { background: var(--_hover); }
  .row:not(.unread):hover .dot { opacity: 1; }
  .unread .toggle:hover .dot { scale: 0; }
  .unread .toggle:hover .icon { opacity: 1; }
  .row:hover .archive { opacity: 1; }
}
@media (hover: none) {
  .archive { opacity: 0.75; }
  .row:not(.unread) .dot { opacity: 0.5; }
}
.fresh { animation: arrive 0.36s var(--_ease), wash 2.4s ease-out; }
@keyframes arrive { from { opacity: 0; translate: 0 -10px; } }
@keyframes wash { from { background: color-mix(in srgb, var(--_accent) 15%, transparent); } }
`;
