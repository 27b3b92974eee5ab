/** How a warning of a job begins that is of one of its attempts: what its engine said when it ended. Warnings are told, and found again, by it. */
export function attemptWords(n: number): string {
  return `Attempt ${n}: `;
}
