/**
 * Prints the text that the texts of `.esp` files are deflated against, from the configs that esp-dictionary.py prints: in the words of templates, the commonest
 * last. Files of version 2 need this very text: it never changes.
 */
import { text } from 'node:stream/consumers';
import { inTemplates } from '../src/model/formats/esp/templates.ts';

const { configs, keras_version: version } = JSON.parse(await text(process.stdin)) as {
  configs: Record<string, unknown>[];
  keras_version: string;
};
const texts = configs.map((config) => JSON.stringify({ config: inTemplates(config), metadata: { keras_version: version } }));
process.stdout.write(texts.join('').slice(-32_000));
