type Child = Node | string | null;

/** An element with these attributes and children; `null` leaves one out. Text is text: nothing here reads HTML. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | null>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A button with an icon and, if given, a visible text. */
export function button(className: string, part: string, ...children: Child[]): HTMLButtonElement {
  return h('button', { type: 'button', class: className, part }, ...children);
}

/** Writes only what differs: the same text again would be read out again in a live region, and would cost a layout. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string | null): void {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** What has the focus, also where the tree is a shadow. */
export function focused(within: HTMLElement): Element | null {
  return (within.getRootNode() as Document | ShadowRoot).activeElement;
}

/** The language that an element is in: of the nearest `lang`, through shadow roots, else of the browser. */
export function languageOf(element: Element): string | undefined {
  for (let at: Element | null = element; at !== null;) {
    const holder: Element | null = at.closest('[lang]:not([lang=""])');
    if (holder) return holder.getAttribute('lang') ?? undefined;
    const root = at.getRootNode();
    at = root instanceof ShadowRoot ? root.host : null;
  }
  return undefined;
}
