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
  margin-inline: 8px; padding-block: 10px; padding-inline: 12px 6px; border-radius: 12px;
}
.glyph { display: grid; place-items: center; width: 36px; height: 36px; margin-block-start: 1px; border-radius: 50%; background: color-mix(in srgb, var(--_tone) 13%, transparent); color: var(--_tone); font-size: 14.5px; --_tone: var(--_muted); }
.glyph .icon { stroke-width: 1.9; }
.glyph[data-tone='good'] { --_tone: var(--_good); }
.glyph[data-tone='bad'] { --_tone: var(--_bad); }
.glyph[data-tone='warm'] { --_tone: var(--_warm); }
.glyph[data-tone='info'] { --_tone: var(--_info); }
.glyph[data-tone='accent'] { --_tone: var(--_accent); }
.glyph:has(.image) { background: color-mix(in srgb, var(--_muted) 16%, transparent); }
.image { width: 36px; height: 36px; border-radius: var(--tidings-image-radius, 50%); object-fit: cover; }
.content { display: flex; flex-direction: column; min-width: 0; }
.more { display: contents; }
.meta { order: 1; }
.row[data-severity='high']::before { content: ''; position: absolute; inset-block: 10px; inset-inline-start: 2px; width: 3px; border-radius: 2px; background: var(--_bad); }
.row[data-severity='low'] .title { color: var(--_muted); font-weight: 500; }
.row[data-severity='low'] .glyph { --_tone: var(--_muted); }
.answers { display: flex; flex-wrap: wrap; gap: 6px; position: relative; z-index: 1; width: fit-content; max-width: 100%; margin-block: 8px 2px; }
.answers:empty { display: none; }
.answer {
  display: inline-flex; align-items: center; justify-content: center; min-height: 30px; max-width: 100%; padding: 4px 12px; border-radius: 9px;
  box-shadow: inset 0 0 0 1px color-mix(in srgb, var(--_text) 20%, transparent); color: var(--_text);
  font-size: 13px; font-weight: 570; line-height: 18px; text-align: center; overflow-wrap: anywhere; transition: background-color 0.15s, filter 0.15s;
}
.answer.primary { background: var(--_accent); color: var(--_on-accent); box-shadow: none; }
.answer.danger { color: var(--_bad); box-shadow: inset 0 0 0 1px color-mix(in srgb, var(--_bad) 45%, transparent); }
@media (hover: hover) {
  .answer:hover { background: color-mix(in srgb, currentColor 9%, transparent); }
  .answer.primary:hover { background: var(--_accent); filter: brightness(1.08); }
}
.acted { display: inline-flex; align-items: center; gap: 6px; min-height: 26px; color: var(--_good); font-size: 13px; font-weight: 570; overflow-wrap: anywhere; }
.acted .icon { font-size: 13px; stroke-width: 2.4; }
.main { display: block; width: 100%; outline: none; }
.main::after { content: ''; position: absolute; inset: 0; border-radius: inherit; }
.main:focus-visible::after { outline: 2px solid var(--_accent); outline-offset: -2px; border-radius: 12px; }
.title, .body { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; overflow-wrap: anywhere; text-align: -webkit-match-parent; text-align: match-parent; }
.title { color: color-mix(in srgb, var(--_text) 86%, var(--_surface)); font-weight: 500; line-height: 20px; }
.unread .title { color: var(--_text); font-weight: 650; }
.body { margin-block-start: 1px; color: var(--_muted); font-size: 13px; line-height: 18px; }
.meta { display: flex; align-items: center; gap: 8px; margin-block-start: 3px; color: var(--_muted); font-size: 12px; line-height: 16px; }
time, .collapsed { unicode-bidi: plaintext; }
.chip { padding: 0 7px; border-radius: 8px; background: color-mix(in srgb, var(--_muted) 14%, transparent); font-size: 12px; font-weight: 550; line-height: 16px; }
.chip:empty { display: none; }
.urgent { background: color-mix(in srgb, var(--_bad) 12%, transparent); color: var(--_bad); font-weight: 600; }
.actions { display: flex; flex-direction: column; justify-content: space-between; gap: 2px; position: relative; z-index: 1; margin-block: -3px -5px; }
.snooze { position: absolute; inset-block-end: 0; inset-inline-end: 30px; }
.toggle { position: relative; }
.toggle .dot { position: absolute; width: 9px; height: 9px; border-radius: 50%; background: var(--_accent); transition: scale 0.2s var(--_ease), opacity 0.15s; }
.toggle .icon { opacity: 0; }
.row:not(.unread) .dot { width: 10px; height: 10px; background: none; box-shadow: inset 0 0 0 1.75px currentColor; opacity: 0; }
.row:not(.unread):focus-within .dot { opacity: 1; }
.unread .toggle:focus-visible .dot { scale: 0; }
.unread .toggle:focus-visible .icon { opacity: 1; }
.archive, .snooze { opacity: 0; transition: opacity 0.12s, background-color 0.15s, color 0.15s; }
.row:focus-within :is(.archive, .snooze), .snooze[aria-expanded='true'] { opacity: 1; }
@media (hover: hover) {
  .row:hover { background: var(--_hover); }
  .row:not(.unread):hover .dot { opacity: 1; }
  .unread .toggle:hover .dot { scale: 0; }
  .unread .toggle:hover .icon { opacity: 1; }
  .row:hover :is(.archive, .snooze) { opacity: 1; }
}
@media (hover: none) {
  .archive, .snooze { opacity: 0.75; }
  .row:not(.unread) .dot { opacity: 0.5; }
}
.fresh { animation: arrive 0.36s var(--_ease), wash 2.4s ease-out; }
@keyframes arrive { from { opacity: 0; translate: 0 -10px; } }
@keyframes wash { from { background: color-mix(in srgb, var(--_accent) 15%, transparent); } }
`;
