/** What the paths in a zip file of images mean. */
import { invalid } from '../complaints.ts';
import type { SplitName } from '../facts.ts';

export interface ImageFolders<Entry> {
  /** The classes' names, sorted: a label is a place in it. */
  classNames: string[];
  /** All of train, then selection, then test, each sorted by path. */
  images: { entry: Entry; label: number }[];
  /** How many of them each split has; null where the paths name no such split. */
  given: { train: number; selection: number | null; test: number | null };
}

const SPLIT_FOLDERS: ReadonlyMap<string, SplitName> = new Map([
  ...['train', 'training'].map((name) => [name, 'train'] as const),
  ...['selection', 'validation', 'valid', 'val', 'dev'].map((name) => [name, 'selection'] as const),
  ...['test', 'testing'].map((name) => [name, 'test'] as const),
]);

/** Whether a path in a zip file is that of an image. */
export function isImageName(name: string): boolean {
  return /\.(?:png|jpe?g)$/i.test(name) && !isLitter(name);
}

/** What systems put beside files of their own accord. */
function isLitter(name: string): boolean {
  return name.endsWith('/') || /(?:^|\/)(?:__MACOSX\/|\.[^/]*$|Thumbs\.db$|desktop\.ini$)/i.test(name);
}

/**
 * Reads paths as class/image, or split/class/image where the first folders are named train, validation (or selection) and test; a folder around all of them
 * is looked through. Throws DATASET_INVALID at a path that is neither, and where there is no training image.
 */
export function imageFolders<Entry extends { name: string }>(entries: readonly Entry[], pointer: string): ImageFolders<Entry> {
  const files = entries
    .filter(({ name }) => !isLitter(name))
    .map((entry) => ({ entry, path: entry.name.split('/') }))
    .sort((a, b) => (a.entry.name < b.entry.name ? -1 : 1));
  const accepted = 'Accepted are PNG and JPEG files as class/image, or as train/class/image, validation/class/image and test/class/image';
  const stranger = files.find(({ entry }) => !isImageName(entry.name));
  if (stranger !== undefined) {
    throw invalid(pointer, `${pointer} is a zip file of images with '${stranger.entry.name.slice(0, 100)}' in it. ${accepted}`, {
      received: stranger.entry.name,
    });
  }
  const around = files.every(({ path }) => path.length > 2 && path[0] === files[0]!.path[0]) && !isSplit(files[0]!.path[0]!);
  const paths = files.map(({ entry, path }) => ({ entry, path: around ? path.slice(1) : path }));
  const named = paths.every(({ path }) => path.length === 3 && isSplit(path[0]!));
  const astray = paths.find(({ path }) => path.length !== (named ? 3 : 2) || path.includes(''));
  if (astray !== undefined) {
    throw invalid(pointer, `${pointer} has an image at '${astray.entry.name.slice(0, 100)}'. ${accepted}`, { received: astray.entry.name });
  }

  const classNames = [...new Set(paths.map(({ path }) => path.at(-2)!))].sort();
  const labels = new Map(classNames.map((name, label) => [name, label]));
  const splits: Record<SplitName, ImageFolders<Entry>['images']> = { train: [], selection: [], test: [] };
  for (const { entry, path } of paths) {
    const split = named ? SPLIT_FOLDERS.get(path[0]!.toLowerCase())! : 'train';
    splits[split].push({ entry, label: labels.get(path.at(-2)!)! });
  }
  if (splits.train.length === 0) throw invalid(pointer, `${pointer} has no training image. ${accepted}`);
  return {
    classNames,
    images: [...splits.train, ...splits.selection, ...splits.test],
    given: { train: splits.train.length, selection: splits.selection.length || null, test: splits.test.length || null },
  };
}

function isSplit(name: string): boolean {
  return SPLIT_FOLDERS.has(name.toLowerCase());
}
