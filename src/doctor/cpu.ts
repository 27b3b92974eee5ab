/** What the builds of TensorFlow that are installed need, and what makes them quick. */
const NEEDED = ['avx'];
const QUICK = ['avx2', 'fma'];

/** Whether the processor has the instructions that TensorFlow is built with. `cpuinfo` is Linux' /proc/cpuinfo. Throws an Error where it has not. */
export function cpuFinding(cpuinfo: string, architecture: string): string {
  const name = /^model name\s*:\s*(.+)$/m.exec(cpuinfo)?.[1] ?? architecture;
  if (architecture !== 'x64') return `${name}: TensorFlow's build for ${architecture} asks for no instructions that may be missing`;
  const flags = new Set(/^flags\s*:\s*(.+)$/m.exec(cpuinfo)?.[1]?.split(/\s+/) ?? []);
  if (flags.size === 0) return `${name}: its instructions are not told`;
  const missing = NEEDED.filter((flag) => !flags.has(flag));
  if (missing.length > 0)
    throw new Error(`${name} has no ${missing.join(', ')}, without which TensorFlow ends with an illegal instruction`);
  const slow = QUICK.filter((flag) => !flags.has(flag));
  return `${name}: avx${slow.length > 0 ? `, but no ${slow.join(', ')}: training is several times slower` : `, ${QUICK.join(', ')}`}`;
}
