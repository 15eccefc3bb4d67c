/** A hidden page has no animation frames. */
const HIDDEN_MS = 100;

/** Renders an element once a frame, however many changes there are. */
export class Frame {
  private isRequested = false;

  constructor(
    private readonly element: Element,
    private readonly render: () => void,
  ) {}

  request(): void {
    if (this.isRequested || !this.element.isConnected) return;
    this.isRequested = true;
    const run = (): void => {
      this.isRequested = false;
      if (this.element.isConnected) this.render();
    };
    if (document.visibilityState === 'visible') requestAnimationFrame(run);
    else setTimeout(run, HIDDEN_MS);
  }
}
