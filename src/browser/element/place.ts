/** Between the bell and the panel, and between the panel and the edges of the window: as in css/panel.ts. */
const GAP = 8;
/** Rounding differs between layout and measurement. */
const TOLERANCE = 1;

/** The boxes that placing depends on. */
export interface Boxes {
  /** The element to place, open. */
  readonly layer: HTMLElement;
  readonly anchor: HTMLElement;
  /** A fixed box in the layer that fills the window. */
  readonly window: HTMLElement;
}

/**
 * Places a layer on the side of its anchor that has more room, end edge on end edge, inside the window.
 *
 * CSS anchor positioning does this by itself. Browsers without it, and the first ones with it, which ignore transforms, leave the layer
 * elsewhere; there it is placed from measurements. The window is measured by a box inside the layer, because only then are all
 * rectangles in one coordinate system: under `zoom` browsers disagree about the units of `innerWidth`, rectangles and offsets.
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

/** Whether the layer was placed from measurements, which have to be repeated when the page scrolls. */
export function isMeasured(layer: HTMLElement): boolean {
  return 'measured' in layer.dataset;
}
