const SVG = 'http://www.w3.org/2000/svg';

/** Paths on a 24 by 24 grid, for a round stroke of 1.75. */
const PATHS = {
  bell: ['M6 10.2a6 6 0 0 1 12 0c0 3.9 1.2 5.3 2 6.6H4c.8-1.3 2-2.7 2-6.6Z', 'M9.9 20a2.3 2.3 0 0 0 4.2 0'],
  check: ['m5 12.6 4.6 4.6L19 7.6'],
  cross: ['m7 7 10 10', 'M17 7 7 17'],
  bag: ['M6.3 8.5h11.4l1 11.2H5.3l1-11.2Z', 'M9 11V7.2a3 3 0 0 1 6 0V11'],
  megaphone: [
    'M4 10.2v3.6h3.2L15 18V6l-7.8 4.2H4Z',
    'M18.3 9.4a3.8 3.8 0 0 1 0 5.2',
    'm7.6 14 .9 5h2.6l-.9-3.6',
  ],
  archive: ['M4 5h16v4.2H4z', 'M5.6 9.2V19h12.8V9.2', 'M10 13h4'],
  checkAll: ['m2.5 12.8 4.1 4.1 7.6-9', 'm11.6 16 .9.9 8.5-9'],
  cloudOff: [
    'm4.5 4.5 15 15',
    'M9.6 6.4A6 6 0 0 1 17.8 11a4.2 4.2 0 0 1 2.6 6.4',
    'M6.9 9.9A4.6 4.6 0 0 0 7.4 19H16',
  ],
  alert: ['M12 4.5 3.2 19.3h17.6L12 4.5Z', 'M12 10.4v3.8', 'M12 16.7v.1'],
  lock: ['M7.6 11V8.4a4.4 4.4 0 0 1 8.8 0V11', 'M5.6 11h12.8v8.8H5.6z', 'M12 14.6v1.8'],
  clock: ['M12 4.2a7.8 7.8 0 1 0 0 15.6 7.8 7.8 0 0 0 0-15.6Z', 'M12 8v4.3l2.8 1.8'],
  more: ['M6 12h.01', 'M12 12h.01', 'M18 12h.01'],
  back: ['M19 12H5.5', 'm11.5 6-6 6 6 6'],
  sliders: [
    'M4 8h8',
    'M17.5 8H20',
    'M14.7 5.3a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.4Z',
    'M4 16h2.5',
    'M12 16h8',
    'M9.3 13.3a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.4Z',
  ],
  arrowUp: ['M12 18.5v-13', 'm6.5 11 5.5-5.5L17.5 11'],
} as const;

export type IconName = keyof typeof PATHS;

const cache = new Map<string, SVGSVGElement>();

/** Creates an icon, hidden from screen readers. */
export function icon(name: IconName, className = 'icon'): SVGSVGElement {
  const key = `${name} ${className}`;
  const original = cache.get(key) ?? createIcon(name, className);
  cache.set(key, original);
  return original.cloneNode(true) as SVGSVGElement;
}

function createIcon(name: IconName, className: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', className);
  // An unknown name from the page would otherwise throw in every row.
  for (const d of PATHS[name] ?? PATHS.bell) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
}
