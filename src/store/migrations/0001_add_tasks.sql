CREATE TABLE `tasks` (
	`id` text PRIMARY KEY NOT NULL,
	`app` text,
	`broker_id` integer,
	`queue` text,
	`name` text,
	`sent_at` integer,
	`method` text,
	`url` text,
	`fingerprint` text,
	`state` text NOT NULL,
	`result` text,
	`error_type` text,
	`error_message` text,
	`touched_at` integer NOT NULL,
	`bytes` integer NOT NULL,
	FOREIGN KEY (`broker_id`) REFERENCES `brokers`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `tasks_touched` ON `tasks` (`touched_at`,`bytes`);--> statement-breakpoint
CREATE INDEX `tasks_broker` ON `tasks` (`broker_id`);