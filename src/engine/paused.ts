/**
 * Thrown inside a job, between two training steps and after the checkpoint of the last one was reported, when the supervisor asked for a pause; unwinds to
 * the engine's thread, which reports `paused`.
 */
export class Paused extends Error {
  constructor() {
    super('The job was paused');
    this.name = 'Paused';
  }
}
