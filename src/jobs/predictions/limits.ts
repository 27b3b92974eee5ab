/** What one prediction may ask for. `GET /v1/capabilities` shows them. */
export const PREDICTION_LIMITS = {
  /** Samples of one request. */
  max_samples: 4_096,
  /** Bytes of a JSON body. */
  max_json_bytes: 4 * 2 ** 20,
  /** Bytes of all inputs together, as float32; an upload may have as many. */
  max_input_bytes: 16 * 2 ** 20,
  /** Bytes of all outputs together, as float32. */
  max_output_bytes: 16 * 2 ** 20,
  /** Numbers of an answer in JSON; npz takes as many as fit into `max_output_bytes`. */
  max_json_numbers: 2 ** 18,
  /** Seconds from the request to its answer, waiting included. */
  max_seconds: 30,
  /** Predictions that one server has under way or waiting, and those of them that may be one tenant's. */
  at_once: 32,
  at_once_per_tenant: 8,
} as const;
