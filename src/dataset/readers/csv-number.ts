/** A decimal number as a CSV cell may hold it, with a point and spaces around it. `nan`, `inf`, hexadecimal and thousands separators are not numbers here. */
export const NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;
