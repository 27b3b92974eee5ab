/** Which of two media types an Accept header prefers (RFC 9110, 12.5.1); the first where it does not say. */
export function preferred<One extends string, Other extends string>(header: string | undefined, one: One, other: Other): One | Other {
  return quality(header, other) > quality(header, one) ? other : one;
}

function quality(header: string | undefined, type: string): number {
  let best = { specificity: -1, q: 0 };
  for (const range of (header ?? '*/*').toLowerCase().split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim());
    const specificity = name === type ? 2 : name === `${type.split('/')[0]}/*` ? 1 : name === '*/*' ? 0 : -1;
    if (specificity <= best.specificity) continue;
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    best = { specificity, q: weight === undefined ? 1 : Number(weight.slice(2)) || 0 };
  }
  return best.q;
}
