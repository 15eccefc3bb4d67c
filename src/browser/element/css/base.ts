/**
 * Colours are pairs for light and dark; `theme` selects one by setting the colour scheme. Text has a contrast of at least 4.5 to its
 * background, icons of at least 3 (WCAG 2.2, 1.4.3 and 1.4.11). Properties with the prefix `--tidings-` are public, those with `--_` private.
 */
export const BASE = `
:host {
  color-scheme: light dark;
  --_surface: var(--tidings-surface, light-dark(#fff, #191b20));
  --_text: var(--tidings-text, light-dark(#15181e, #eceef2));
  --_muted: var(--tidings-muted, light-dark(#5a6170, #a3a9b6));
  --_line: var(--tidings-line, light-dark(#e7e9ee, #2c2f37));
  --_hover: var(--tidings-hover, light-dark(#f4f5f8, #23262d));
  --_accent: var(--tidings-accent, light-dark(#2554d8, #8fb0ff));
  --_badge: var(--tidings-badge, light-dark(#d3301f, #ff8674));
  --_on-badge: var(--tidings-on-badge, light-dark(#fff, #290a05));
  --_on-accent: var(--tidings-on-accent, light-dark(#fff, #0b1430));
  --_good: var(--tidings-good, light-dark(#14734a, #62d09b));
  --_bad: var(--tidings-bad, light-dark(#c22a1c, #ff9183));
  --_warm: var(--tidings-warm, light-dark(#8f5200, #f0b45c));
  --_info: var(--tidings-info, light-dark(#6540c4, #bda6ff));
  --_radius: var(--tidings-radius, 16px);
  --_font: var(--tidings-font, ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif);
  --_ease: cubic-bezier(0.2, 0.8, 0.2, 1);
  display: inline-block;
  position: relative;
  vertical-align: middle;
  text-align: start;
}
:host([theme='light']) { color-scheme: light; }
:host([theme='dark']) { color-scheme: dark; }
:host(tidings-toasts) { display: contents; }
:host([hidden]) { display: none; }
:host([inline]) { display: block; }
:host([inline]) .bell { display: none; }

*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
h2, h3, p, ul, ol { margin: 0; padding: 0; font: inherit; }
ul, ol { list-style: none; }
button {
  margin: 0; padding: 0; border: 0; background: none; color: inherit; font: inherit; letter-spacing: inherit; text-align: inherit; cursor: pointer;
  -webkit-tap-highlight-color: transparent;
}
a { color: inherit; text-decoration: none; }
:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
.icon { width: 1.25em; height: 1.25em; flex: none; fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
.hidden {
  position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}

.bell {
  display: grid; place-items: center; position: relative; anchor-name: --tidings-bell;
  width: var(--tidings-bell-size, 40px); height: var(--tidings-bell-size, 40px);
  border-radius: 50%;
  color: var(--tidings-bell-color, inherit);
  transition: background-color 0.15s;
}
.bell:hover, .bell[aria-expanded='true'] { background: color-mix(in srgb, currentColor 10%, transparent); }
.bell:active { background: color-mix(in srgb, currentColor 16%, transparent); }
.bell:focus-visible { outline-color: currentColor; }
.bell-icon { width: 56%; height: 56%; transform-origin: 50% 12%; }
.bell.disconnected .bell-icon { opacity: 0.55; }
.badge {
  position: absolute; inset-block-start: 1px; inset-inline-start: calc(50% + 1px);
  min-width: 1.637em; height: 1.637em; padding: 0 0.46em; border-radius: 1em;
  background: var(--_badge); color: var(--_on-badge);
  font: 650 11px/1.637 var(--_font); font-variant-numeric: tabular-nums; letter-spacing: 0; text-align: center;
  animation: pop 0.28s var(--_ease);
}
.badge.urgent-badge { outline: 2px solid var(--_badge); outline-offset: 1.5px; animation: pop 0.28s var(--_ease), urge 1.1s ease-out 0.2s 2; }
.badge.wide { inset-inline-start: 42%; padding: 0 4px; font-size: 10px; }
.badge.no-count { inset-block-start: 6px; inset-inline-start: calc(50% + 4px); min-width: 0; width: 9px; height: 9px; padding: 0; }
.bell.ring .bell-icon { animation: ring 0.9s ease-out; }

@keyframes pop { from { scale: 0.4; opacity: 0; } }
@keyframes urge { 35% { outline-offset: 5px; outline-color: transparent; } }
@keyframes ring {
  0%, 100% { rotate: 0deg; }
  15% { rotate: 16deg; }
  35% { rotate: -13deg; }
  55% { rotate: 8deg; }
  75% { rotate: -4deg; }
}

@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation: none !important; transition: none !important; scroll-behavior: auto !important; }
}
`;
