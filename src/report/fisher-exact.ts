/**
 * Fisher's exact two-sided p of two rates: `a` successes and `b` failures beside `c` and `d`. The sum of the probabilities of all tables with these margins
 * that are no likelier than this one.
 */
export function fisherExact(a: number, b: number, c: number, d: number): number {
  const [first, second, successes] = [a + b, c + d, a + c];
  const total = logFactorial(first + second);
  const logP = (won: number): number =>
    logFactorial(first) +
    logFactorial(second) +
    logFactorial(successes) +
    logFactorial(b + d) -
    total -
    logFactorial(won) -
    logFactorial(first - won) -
    logFactorial(successes - won) -
    logFactorial(second - successes + won);
  const seen = logP(a);
  let p = 0;
  for (let won = Math.max(0, successes - second); won <= Math.min(first, successes); won++) {
    const own = logP(won);
    // Tables of the same probability are told apart by the last bits alone.
    if (own <= seen + 1e-9) p += Math.exp(own);
  }
  return Math.min(1, p);
}

function logFactorial(n: number): number {
  let sum = 0;
  for (let k = 2; k <= n; k++) sum += Math.log(k);
  return sum;
}
