/** `late-orders` becomes `Late orders`. */
export function titleCase(name: string): string {
  const words = name.replace(/[-._]+/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
