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

/** Writes a text that differs from the present one: writing the same again costs a layout, and a live region announces it again. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string | null): void {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** The focused element of the tree, or shadow tree, that an element is in. */
export function focused(within: HTMLElement): Element | null {
  return (within.getRootNode() as Document | ShadowRoot).activeElement;
}
