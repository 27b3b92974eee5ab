/** Thrown inside a job when the supervisor asked for its end; unwinds to the engine's thread, which reports `cancelled`. */
export class Cancelled extends Error {
  constructor() {
    super('The job was cancelled');
    this.name = 'Cancelled';
  }
}
