const GAP = 8;
const MARGIN = 8;
/** Below this there is more to see on the other side of the bell, if there is. */
const ENOUGH = 360;

/**
 * Puts a fixed panel beside its anchor: below it, or above where there is more room, its end edge on the anchor's end edge, and
 * inside the window whatever happens.
 */
export function placeBeside(panel: HTMLElement, anchor: HTMLElement): void {
  const at = anchor.getBoundingClientRect();
  const { clientWidth, clientHeight } = document.documentElement;
  const below = clientHeight - at.bottom - GAP - MARGIN;
  const above = at.top - GAP - MARGIN;
  const up = below < ENOUGH && above > below;
  const rtl = getComputedStyle(anchor).direction === 'rtl';
  const width = panel.offsetWidth;
  const wanted = rtl ? at.left : at.right - width;
  const left = Math.min(Math.max(wanted, MARGIN), Math.max(MARGIN, clientWidth - width - MARGIN));
  panel.style.setProperty('--_left', `${left}px`);
  panel.style.setProperty('--_top', up ? 'auto' : `${at.bottom + GAP}px`);
  panel.style.setProperty('--_bottom', up ? `${clientHeight - at.top + GAP}px` : 'auto');
  panel.style.setProperty('--_room', `${Math.max(200, up ? above : below)}px`);
  panel.style.setProperty('--_origin', `${at.left + at.width / 2 - left}px ${up ? '100%' : '0'}`);
}
