export { AlertBoard, type FollowedClient } from './alert-board.ts';
export { AlertClient, type AlertClientOptions, type ClientEvents, type ClientState } from './alert-client.ts';
export type {
  ActiveAlerts,
  AlertFilter,
  AlertMessage,
  CapStatus,
  ErrorCode,
  Evidence,
  GapMessage,
  Place,
  RuleKind,
  Severity,
  Transition,
} from './messages.ts';
