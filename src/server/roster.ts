/** What a {@link Roster} keeps: each knows where it stands. */
export interface Listed {
  /** The roster's own: -1 where it is not in one. */
  place: number;
}

/**
 * Those who are there at the moment, of whom many come and go. Not a Set: JavaScriptCore's, where members are
 * added and deleted without end, leaves its earlier tables behind, and those keep what was deleted alive until
 * the next full collection.
 */
export class Roster<T extends Listed> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  /** Each at most once. */
  add(member: T): void {
    member.place = this.#members.length;
    this.#members.push(member);
  }

  /** @returns whether it was there */
  delete(member: T): boolean {
    const { place } = member;
    if (place < 0) return false;
    const last = this.#members.pop() as T;
    if (last !== member) {
      this.#members[place] = last;
      last.place = place;
    }
    member.place = -1;
    return true;
  }

  /** Those of now, in no order: they may leave while the list is gone through. */
  list(): readonly T[] {
    return [...this.#members];
  }
}
