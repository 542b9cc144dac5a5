"""The endpoints, grouped as PostHog groups them; each is written once and served on every face."""
