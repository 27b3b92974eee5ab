/** Bytes a JSON body may have. */
export const JSON_BODY_LIMIT_BYTES = 2 ** 20;
/** Seconds a caller may ask to wait for a job to change (`Prefer: wait=N`). */
export const LONGEST_WAIT_S = 60;
/** Rows of a page. */
export const PAGE = { default: 50, most: 200 } as const;
/** Rows of a page of a series, and the values that all of them have. */
export const SERIES_PAGE = { default: 1_000, most: 10_000, mostValues: 200_000 } as const;
/** Points that a series can be drawn with. */
export const SERIES_POINTS = { most: 10_000 } as const;
/** Keys of a tenant that are neither revoked nor expired. */
export const KEYS_PER_TENANT = 1_000;
/** Uploads that one server takes at the same time. */
export const UPLOADS_AT_ONCE = 32;
/** Jobs that one server lets be followed at the same time. */
export const FOLLOWERS_AT_ONCE = 256;
/** Reports that one server reads and renders at the same time. */
export const REPORTS_AT_ONCE = 16;
