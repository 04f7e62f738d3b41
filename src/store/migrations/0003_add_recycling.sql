CREATE TABLE `standins` (
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
	FOREIGN KEY (`instance`) REFERENCES `instances`(`name`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`broker_id`) REFERENCES `brokers`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
ALTER TABLE `instances` ADD `restart_max_rate` text;--> statement-breakpoint
ALTER TABLE `instances` ADD `user` text;--> statement-breakpoint
ALTER TABLE `instances` ADD `max_memory` integer;--> statement-breakpoint
ALTER TABLE `instances` ADD `max_age` real;--> statement-breakpoint
ALTER TABLE `instances` ADD `limited_at` integer;--> statement-breakpoint
ALTER TABLE `instances` ADD `has_standin` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `instances` ADD `restart_for` text DEFAULT 'people' NOT NULL;--> statement-breakpoint
ALTER TABLE `workers` ADD `age` integer DEFAULT 0 NOT NULL;