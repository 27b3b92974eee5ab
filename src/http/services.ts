import type { Predictions } from '../jobs/predictions/client.ts';
import type { AppDeps } from './deps.ts';
import type { JobViews } from './job-views.ts';
import type { Keyring } from './keyring.ts';
import type { Renderer } from './reports/renderer.ts';
import type { Slots } from './slots.ts';

/** What handlers work with: what the application was given, and what it made of it. */
export interface Services extends AppDeps {
  keyring: Keyring;
  /** Answers about jobs that still hold. */
  jobViews: JobViews;
  uploads: Slots;
  /** Of those that follow a job. */
  followers: Slots;
  /** Of those that wait for a report. */
  reporting: Slots;
  reports: Renderer;
  predictions: Predictions;
  /** The OpenAPI document as YAML. */
  openapi: string;
}
