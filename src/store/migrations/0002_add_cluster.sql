CREATE TABLE `definitions` (
	`kind` text NOT NULL,
	`key` text NOT NULL,
	`version` text NOT NULL,
	`deleted_version` text,
	`ancestry` text DEFAULT '{}' NOT NULL,
	PRIMARY KEY(`kind`, `key`)
);
--> statement-breakpoint
CREATE INDEX `definitions_version` ON `definitions` (`version`);--> statement-breakpoint
CREATE TABLE `early_instances` (
	`name` text PRIMARY KEY NOT NULL,
	`rival` text,
	FOREIGN KEY (`name`) REFERENCES `instances`(`name`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `known_branches` (
	`id` text PRIMARY KEY NOT NULL,
	`url` text,
	`last_seen_at` integer,
	`is_forgotten` integer NOT NULL,
	`version` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `owners` (
	`name` text PRIMARY KEY NOT NULL,
	`app` text NOT NULL,
	`branch` text NOT NULL,
	`version` text NOT NULL,
	`is_deleted` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `owners_names` ON `owners` (`app`,`is_deleted`,`name`);--> statement-breakpoint
CREATE INDEX `owners_branch` ON `owners` (`branch`,`is_deleted`);--> statement-breakpoint
CREATE INDEX `owners_version` ON `owners` (`version`);--> statement-breakpoint
-- What is there already was made by this branch, when it was made.
INSERT INTO `definitions` (`kind`, `key`, `version`)
SELECT 'app', `name`, printf('%015d-000000-%s', `created_at`, coalesce((SELECT `value` FROM `settings` WHERE `key` = 'branch_id'), 'branch'))
FROM `apps` WHERE NOT `is_deleted`;
--> statement-breakpoint
INSERT INTO `definitions` (`kind`, `key`, `version`)
SELECT 'queue', `app` || '/' || `name`, printf('%015d-000000-%s', `created_at`, coalesce((SELECT `value` FROM `settings` WHERE `key` = 'branch_id'), 'branch'))
FROM `queues` WHERE `app` IN (SELECT `name` FROM `apps` WHERE NOT `is_deleted`);
--> statement-breakpoint
INSERT INTO `owners` (`name`, `app`, `branch`, `version`, `is_deleted`)
SELECT `name`, `app`, (SELECT `value` FROM `settings` WHERE `key` = 'branch_id'), printf('%015d-000000-%s', `created_at`, (SELECT `value` FROM `settings` WHERE `key` = 'branch_id')), 0
FROM `instances` WHERE EXISTS (SELECT 1 FROM `settings` WHERE `key` = 'branch_id');
--> statement-breakpoint
-- Their names were given by this branch alone.
INSERT INTO `early_instances` (`name`) SELECT `name` FROM `instances`;
