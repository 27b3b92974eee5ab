import type { Options } from './layer-class.ts';
import { type Cell, type CellClassName, GATES, recurrent } from './recurrent.ts';

/** Keras' names of the cells' folders in a `.keras` file. */
const FOLDERS: Record<CellClassName, string> = { SimpleRNNCell: 'simple_rnn_cell', LSTMCell: 'lstm_cell', GRUCell: 'gru_cell' };

/** RNN over one of Keras' own cells, or several stacked ones. */
export const rnn = recurrent(cellsOf);

/** The cells of an RNN's config. Throws an Error where one is not Keras' own. */
export function cellsOf(options: Options): Cell[] {
  const cell = builtIn(options.cell);
  if (cell.className !== 'StackedRNNCells') return [{ ...known(cell), prefix: '', store: 'cell', path: ['cell', 'config'] }];
  const counts = new Map<string, number>();
  const cells = cell.options.cells;
  if (!Array.isArray(cells) || cells.length === 0) throw new Error('StackedRNNCells has no cells');
  return cells.map((entry, index) => {
    const one = known(builtIn(entry));
    const count = counts.get(one.className) ?? 0;
    counts.set(one.className, count + 1);
    const folder = FOLDERS[one.className];
    return {
      ...one,
      prefix: `cell_${index}/`,
      store: `cell/cells/${count === 0 ? folder : `${folder}_${count}`}`,
      path: ['cell', 'config', 'cells', index, 'config'],
    };
  });
}

function builtIn(value: unknown): { className: string; options: Options } {
  const cell = (value ?? {}) as { module?: unknown; class_name?: unknown; config?: unknown };
  const own = typeof cell.module !== 'string' || cell.module.startsWith('keras');
  if (!own || typeof cell.class_name !== 'string' || typeof cell.config !== 'object' || cell.config === null) {
    throw new Error(`a cell is ${JSON.stringify(cell.class_name ?? value)}, which is not one of Keras' own`);
  }
  return { className: cell.class_name, options: cell.config as Options };
}

function known({ className, options }: { className: string; options: Options }): { className: CellClassName; options: Options } {
  if (Object.hasOwn(GATES, className)) return { className: className as CellClassName, options };
  throw new Error(`a cell is a ${className}; SimpleRNNCell, LSTMCell, GRUCell and StackedRNNCells of them are run`);
}
