import { NOBODY_ELSE, type Spreading } from "../cluster/spreading.ts";
import { Accounts } from "./accounts.ts";
import { sessionUse } from "../kit/session-use.ts";
import { Apps } from "./apps.ts";
import { Audit } from "./audit.ts";
import { Arrivals } from "./arrivals.ts";
import { Branches, type BranchIdentity } from "./branches.ts";
import { Consumers } from "./consumers.ts";
import { Elsewhere } from "./elsewhere.ts";
import { Health, type SelfReport } from "./health.ts";
import { Hearing } from "./hearing.ts";
import { Live } from "./live.ts";
import { Logins } from "./logins.ts";
import { LostNames } from "./lost-names.ts";
import { Moves } from "./moves.ts";
import { Instances } from "./instances.ts";
import { QueueDepths } from "./queue-depths.ts";
import { Passwords } from "./passwords.ts";
import { Queues } from "./queues.ts";
import { Samples } from "./samples.ts";
import { TaskList } from "./task-list.ts";
import { Tasks, type TaskParts } from "./tasks.ts";
import { Workers } from "./workers.ts";

/** All that can be asked of and done to a branch, whoever asks: HTTP, or the command line without a daemon. */
export class Controller {
  readonly apps: Apps;
  readonly instances: Instances;
  readonly queues: Queues;
  readonly moves: Moves;
  readonly arrivals: Arrivals;
  readonly consumers: Consumers;
  readonly workers: Workers;
  readonly branches: Branches;
  readonly tasks: Tasks;
  readonly taskList: TaskList;
  readonly health: Health;
  readonly accounts: Accounts;
  readonly logins: Logins;
  readonly audit: Audit;
  /** What other branches are asked for. */
  readonly elsewhere: Elsewhere;
  /** What has to be heard of them first. */
  readonly hearing: Hearing;
  /** What is shown while it changes. */
  readonly live: Live;
  readonly depths: QueueDepths;
  readonly samples: Samples;

  constructor(
    parts: TaskParts,
    branch: { identity: () => BranchIdentity; shutDown: () => void; self?: SelfReport | undefined },
    spreading: Spreading = NOBODY_ELSE,
  ) {
    this.apps = new Apps(parts, spreading);
    this.moves = new Moves(parts);
    this.arrivals = new Arrivals(parts);
    this.instances = new Instances(parts, this.moves);
    const lostNames = new LostNames(parts);
    parts.owners.onLost((name, to) => {
      if (!this.arrivals.has(name) && !this.moves.isHandedOver(name, to)) lostNames.lost(name, to);
    });
    this.queues = new Queues(parts, spreading);
    this.consumers = new Consumers(parts, this.instances, this.moves);
    this.workers = new Workers(parts);
    this.branches = new Branches(parts, branch.identity, branch.shutDown);
    this.tasks = new Tasks(parts);
    this.taskList = new TaskList(parts);
    const passwords = new Passwords(parts.clock);
    this.accounts = new Accounts(parts, passwords, spreading);
    this.logins = new Logins(parts, passwords);
    this.audit = new Audit(parts);
    this.health = new Health(parts, branch.self);
    this.elsewhere = new Elsewhere(parts, (uuid) => this.tasks.knows(uuid));
    this.hearing = new Hearing(parts);
    this.live = new Live(parts);
    this.depths = new QueueDepths(parts);
    this.samples = new Samples({ live: this.live, clock: parts.clock, log: parts.log, look: sessionUse });
  }
}
