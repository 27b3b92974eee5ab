import { type Standing, WINDOW_S } from './limiter.ts';

/** `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10 (structured fields, RFC 9651): quotas and windows, and what is left of them until when. */
export function rateHeaders(standings: readonly Standing[]): Record<string, string> {
  if (standings.length === 0) return {};
  return {
    'ratelimit-policy': standings.map(({ policy, quota }) => `"${policy}";q=${quota};w=${WINDOW_S}`).join(', '),
    ratelimit: standings.map(({ policy, remaining, reset_s }) => `"${policy}";r=${remaining};t=${reset_s}`).join(', '),
  };
}
