"""How an Airflow Connection becomes a PostHog client."""
