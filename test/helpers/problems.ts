import { expect } from 'vitest';
import { Problem, type ProblemCode } from '../../src/errors.ts';

/** The Problem that work throws or rejects with, which must have this code and a text that matches. */
export async function expectProblem(work: () => unknown, code: ProblemCode, text: RegExp | string = ''): Promise<Problem> {
  let thrown: unknown;
  try {
    await work();
  } catch (error) {
    thrown = error;
  }
  if (thrown === undefined) return expect.fail(`${code} was expected; nothing was thrown`);
  if (!(thrown instanceof Problem)) throw thrown;
  expect(thrown.code, thrown.message).toBe(code);
  expect(thrown.message).toMatch(text);
  return thrown;
}
