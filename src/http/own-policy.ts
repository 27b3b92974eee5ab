/** The Content-Security-Policy of pages that are made of this server's own scripts, styles and answers, and of nothing from anywhere else. */
export function ownPolicy(further: Record<string, string> = {}): string {
  const rules = {
    'default-src': "'none'",
    'script-src': "'self'",
    'style-src': "'self'",
    'img-src': "'self'",
    'connect-src': "'self'",
    'base-uri': "'none'",
    'form-action': "'none'",
    'frame-ancestors': "'none'",
    ...further,
  };
  return Object.entries(rules)
    .map(([name, sources]) => `${name} ${sources}`)
    .join('; ');
}

/** What ready-made pages of libraries need besides: styles in their elements, pictures and fonts in their files. */
export const READY_MADE = { 'style-src': "'self' 'unsafe-inline'", 'img-src': "'self' data:", 'font-src': "'self' data:" };
