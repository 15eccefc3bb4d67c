type Child = Node | string | null;

/** Creates an element; `null` omits an attribute or a child. Strings become text nodes and are never parsed as HTML. */
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

/** Creates a button, usually with an icon and a text. */
export function button(className: string, part: string, ...children: Child[]): HTMLButtonElement {
  return h('button', { type: 'button', class: className, part }, ...children);
}

/** Sets a text unless it is the same: setting it again costs a layout, and a live region announces it again. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string | null): void {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** The focused element of the document or shadow tree that an element is in. */
export function focused(within: HTMLElement): Element | null {
  return (within.getRootNode() as Document | ShadowRoot).activeElement;
}

/**
 * Passes properties that were set before the element's class was defined through the class's setters, which they hide.
 *
 * @see https://web.dev/articles/custom-elements-best-practices#make_properties_lazy
 */
export function upgradeProperties(element: HTMLElement): void {
  for (const [name, value] of Object.entries(element)) {
    if (!(name in Object.getPrototypeOf(element))) continue;
    Reflect.deleteProperty(element, name);
    Reflect.set(element, name, value);
  }
}
