/** What the engine's main thread asks of the thread that computes, through one int32 in shared memory. */
export const NOTHING = 0;
/** End as soon as you can, leaving nothing. */
export const CANCEL = 1;
/** Between two training steps, leave a checkpoint and end. */
export const PAUSE = 2;
