import { type Config, redacted, VARIABLES } from '../config.ts';
import { type Finding, findings } from './findings.ts';

/** What `espalier doctor` prints, and whether everything it looked at works. */
export async function doctor(
  config: Config,
  environment: Record<string, string | undefined>,
  engineEntry: URL,
): Promise<{ text: string; healthy: boolean }> {
  const lines = ['Configuration (variable, value in force, meaning)', ''];
  for (const { name, default: fallback, meaning, secret } of VARIABLES) {
    const given = environment[name]?.trim();
    const value = given ? (secret ? '(given)' : redacted(given)) : `${fallback.replace('<data>', config.dataFolder) || '(none)'} [default]`;
    lines.push(`  ${name.padEnd(32)} ${value}`, `  ${''.padEnd(32)} ${meaning}`);
  }
  const found = await findings(config, environment, engineEntry);
  lines.push('', 'Checks', '', ...found.map(line), '');
  return { text: lines.join('\n'), healthy: found.every(({ ok }) => ok) };
}

function line({ ok, name, detail }: Finding): string {
  return `  ${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(20)} ${detail}`;
}
