/** A Content-Disposition that saves under a name (RFC 6266): plain for old clients, and as it is, encoded, for the others. */
export function attachment(filename: string): string {
  const plain = filename.replace(/[^\w.-]+/g, '_');
  const encoded = encodeURIComponent(filename).replace(/['()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
  return plain === filename ? `attachment; filename="${plain}"` : `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
