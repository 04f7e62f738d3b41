CREATE TABLE `apps` (
	`name` text PRIMARY KEY NOT NULL,
	`broker_id` integer,
	`arguments` text,
	`extra_config` text,
	`command` text,
	`cwd` text,
	`env` text,
	`stop_timeout` real,
	`is_deleted` integer NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`broker_id`) REFERENCES `brokers`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `brokers` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`scheme` text NOT NULL,
	`hostname` text NOT NULL,
	`port` integer NOT NULL,
	`userid` text NOT NULL,
	`password` text NOT NULL,
	`virtual_host` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `brokers_scheme_hostname_port_userid_password_virtual_host_unique` ON `brokers` (`scheme`,`hostname`,`port`,`userid`,`password`,`virtual_host`);--> statement-breakpoint
CREATE TABLE `consumers` (
	`instance` text NOT NULL,
	`app` text NOT NULL,
	`queue` text NOT NULL,
	PRIMARY KEY(`instance`, `queue`),
	FOREIGN KEY (`instance`) REFERENCES `instances`(`name`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`app`,`queue`) REFERENCES `queues`(`app`,`name`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `deaths` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`instance` text NOT NULL,
	`at` integer NOT NULL,
	FOREIGN KEY (`instance`) REFERENCES `instances`(`name`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `deaths_instance_at` ON `deaths` (`instance`,`at`);--> statement-breakpoint
CREATE TABLE `history` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`instance` text NOT NULL,
	`at` integer NOT NULL,
	`did` text NOT NULL,
	`why` text NOT NULL,
	`evidence` text DEFAULT '{}' NOT NULL,
	FOREIGN KEY (`instance`) REFERENCES `instances`(`name`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `history_instance` ON `history` (`instance`,`id`);--> statement-breakpoint
CREATE TABLE `instances` (
	`name` text PRIMARY KEY NOT NULL,
	`app` text NOT NULL,
	`broker_id` integer,
	`arguments` text,
	`extra_config` text,
	`command` text,
	`cwd` text,
	`env` text,
	`stop_timeout` real,
	`pool` text NOT NULL,
	`max_concurrency` integer NOT NULL,
	`min_concurrency` integer NOT NULL,
	`is_enabled` integer NOT NULL,
	`disabled_reason` text,
	`is_held` integer NOT NULL,
	`is_deleted` integer NOT NULL,
	`restart_seq` integer NOT NULL,
	`is_rolling` integer NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`app`) REFERENCES `apps`(`name`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`broker_id`) REFERENCES `brokers`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `instances_names` ON `instances` (`app`,`is_deleted`,`name`);--> statement-breakpoint
CREATE TABLE `leftovers` (
	`queue` text NOT NULL,
	`broker_id` integer NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`queue`, `broker_id`),
	FOREIGN KEY (`broker_id`) REFERENCES `brokers`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `queues` (
	`app` text NOT NULL,
	`name` text NOT NULL,
	`exchange` text NOT NULL,
	`exchange_type` text NOT NULL,
	`routing_key` text NOT NULL,
	`options` text,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`app`, `name`),
	FOREIGN KEY (`app`) REFERENCES `apps`(`name`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `settings` (
	`key` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `workers` (
	`instance` text PRIMARY KEY NOT NULL,
	`pid` integer,
	`start_ticks` integer,
	`boot_id` text,
	`node` text,
	`broker_id` integer,
	`started_at` integer,
	`started_for` text,
	`restart_seq` integer DEFAULT 0 NOT NULL,
	`answered_at` integer,
	`term_sent_at` integer,
	`term_reason` text,
	`restarts` integer DEFAULT 0 NOT NULL,
	FOREIGN KEY (`instance`) REFERENCES `instances`(`name`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`broker_id`) REFERENCES `brokers`(`id`) ON UPDATE no action ON DELETE no action
);
