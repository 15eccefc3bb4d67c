/** The distance between bell and panel, and between panel and window edges. The same as in css/panel.ts. */
const GAP = 8;
/** Layout and measurement round differently. */
const TOLERANCE = 1;

/** The boxes that determine the position. */
export interface Boxes {
  /** The open element to place. */
  readonly layer: HTMLElement;
  readonly anchor: HTMLElement;
  /** A fixed box in the layer that fills the window. */
  readonly window: HTMLElement;
}

/**
 * Places a layer above or below its anchor, where there is more room, with the end edges aligned, inside the window.
 *
 * CSS anchor positioning does the same. Browsers without it, and the first ones with it, which ignore transforms, place the layer
 * elsewhere; then the position is computed from measurements. The window is measured by a box inside the layer, so that all rectangles
 * share one coordinate system: under `zoom` browsers disagree about the units of `innerWidth`, rectangles and offsets.
 */
export function placeBeside({ layer, anchor, window }: Boxes): void {
  const room = window.getBoundingClientRect();
  const at = anchor.getBoundingClientRect();
  const box = layer.getBoundingClientRect();
  const scale = room.width / window.offsetWidth;
  const gap = GAP * scale;
  const above = at.top - room.top;
  const below = room.bottom - at.bottom;
  const isAbove = above > below;
  const aligned = getComputedStyle(layer).direction === 'rtl' ? at.left : at.right - box.width;
  const left = Math.max(room.left + gap, Math.min(aligned, room.right - gap - box.width));

  const set = (name: string, value: string): void => layer.style.setProperty(name, value);
  const px = (length: number): string => `${length / scale}px`;
  set('--_origin', `${((at.left + at.width / 2 - left) / box.width) * 100}% ${isAbove ? 100 : 0}%`);
  const offBlock = isAbove ? at.top - gap - box.bottom : box.top - at.bottom - gap;
  if (!isMeasured(layer) && Math.max(Math.abs(box.left - left), Math.abs(offBlock)) <= TOLERANCE) return;
  layer.dataset['measured'] = '';
  set('--_left', px(left - room.left));
  set('--_top', isAbove ? 'auto' : px(at.bottom + gap - room.top));
  set('--_bottom', isAbove ? px(room.bottom - at.top + gap) : 'auto');
  set('--_room', px(Math.max(above, below) - 2 * gap));
}

/** Whether the position was computed from measurements, which scrolling makes obsolete. */
export function isMeasured(layer: HTMLElement): boolean {
  return 'measured' in layer.dataset;
}
