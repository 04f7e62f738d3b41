CREATE TABLE `early_instances` (
	`name` text PRIMARY KEY NOT NULL,
	`rival` text,
	FOREIGN KEY (`name`) REFERENCES `instances`(`name`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
-- Their names were given by this branch alone.
INSERT INTO `early_instances` (`name`) SELECT `name` FROM `instances`;
