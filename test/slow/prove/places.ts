/** Where an announcement has its place: it is for everybody of its audience. */
const EVERYBODY = '*';

/** Which notification is there for whom: in the log, or on the queue. */
export class Places {
  private readonly places = new Set<string>();

  add(recipient: string | null, notification: number): void {
    this.places.add(`${recipient ?? EVERYBODY} ${notification}`);
  }

  has(recipient: string, notification: number): boolean {
    return this.places.has(`${recipient} ${notification}`) || this.places.has(`${EVERYBODY} ${notification}`);
  }
}
