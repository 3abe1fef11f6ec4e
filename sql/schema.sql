--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: postgis; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;

--
-- Name: EXTENSION postgis; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON EXTENSION postgis IS 'PostGIS geometry and geography spatial types and functions';

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: alert_transitions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alert_transitions (
    alert_id uuid NOT NULL,
    version integer NOT NULL,
    cursor text NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    evidence jsonb NOT NULL,
    note text,
    CONSTRAINT alert_transitions_kind_check CHECK ((kind = ANY (ARRAY['raised'::text, 'updated'::text, 'cleared'::text, 'cancelled'::text]))),
    CONSTRAINT alert_transitions_version_check CHECK ((version > 0))
);

--
-- Name: alerts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alerts (
    id uuid NOT NULL,
    rule_id text NOT NULL,
    subject text NOT NULL,
    version integer NOT NULL,
    state text NOT NULL,
    severity text NOT NULL,
    status text NOT NULL,
    headline text NOT NULL,
    "position" public.geography(Point,4326),
    raised_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    updated_at timestamp with time zone NOT NULL,
    acknowledged_by text,
    acknowledged_at timestamp with time zone,
    CONSTRAINT alerts_state_check CHECK ((state = ANY (ARRAY['active'::text, 'cleared'::text, 'cancelled'::text]))),
    CONSTRAINT alerts_version_check CHECK ((version > 0))
);

--
-- Name: api_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.api_keys (
    id text NOT NULL,
    device_id text NOT NULL,
    secret_hash bytea NOT NULL,
    not_before timestamp with time zone,
    not_after timestamp with time zone,
    revoked_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    registry_version bigint NOT NULL,
    broker_hash text,
    CONSTRAINT api_keys_broker_hash_check CHECK ((broker_hash ~ '^\$7\$[0-9]+\$[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+$'::text)),
    CONSTRAINT api_keys_secret_hash_check CHECK ((length(secret_hash) = 32))
);

--
-- Name: device_clocks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.device_clocks (
    device_id text NOT NULL,
    offset_ms integer NOT NULL,
    lowest_ms integer NOT NULL,
    highest_ms integer NOT NULL,
    samples_ms integer[] NOT NULL,
    envelopes bigint NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

--
-- Name: device_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.device_keys (
    device_id text NOT NULL,
    key_id text NOT NULL,
    public_key bytea NOT NULL,
    thumbprint text NOT NULL,
    not_before timestamp with time zone,
    not_after timestamp with time zone,
    revoked_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT device_keys_key_id_check CHECK ((key_id ~ '^[A-Za-z0-9_-]{1,32}$'::text)),
    CONSTRAINT device_keys_public_key_check CHECK ((length(public_key) = 65))
);

--
-- Name: device_positions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.device_positions (
    device_id text NOT NULL,
    "time" timestamp with time zone NOT NULL,
    "position" public.geography(Point,4326) NOT NULL,
    altitude_m double precision,
    received_at timestamp with time zone NOT NULL
)
PARTITION BY RANGE ("time");

--
-- Name: devices; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.devices (
    id text NOT NULL,
    class text DEFAULT 'fixed'::text NOT NULL,
    disabled boolean DEFAULT false NOT NULL,
    site text,
    owner text,
    "position" public.geography(Point,4326),
    altitude_m double precision,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    registry_version bigint NOT NULL,
    position_at timestamp with time zone,
    status text DEFAULT 'Actual'::text NOT NULL,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT devices_class_check CHECK ((class = ANY (ARRAY['fixed'::text, 'mobile'::text]))),
    CONSTRAINT devices_id_check CHECK ((id ~ '^[A-Za-z0-9][A-Za-z0-9:._-]{0,127}$'::text)),
    CONSTRAINT devices_status_check CHECK ((status = ANY (ARRAY['Actual'::text, 'Exercise'::text, 'Test'::text])))
);

--
-- Name: enrolment_tokens; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.enrolment_tokens (
    hash bytea NOT NULL,
    device_id text,
    class text DEFAULT 'fixed'::text NOT NULL,
    site text,
    owner text,
    "position" public.geography(Point,4326),
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    used_by text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    registry_version bigint NOT NULL,
    CONSTRAINT enrolment_tokens_check CHECK (((used_at IS NULL) = (used_by IS NULL))),
    CONSTRAINT enrolment_tokens_class_check CHECK ((class = ANY (ARRAY['fixed'::text, 'mobile'::text]))),
    CONSTRAINT enrolment_tokens_device_id_check CHECK ((device_id ~ '^[A-Za-z0-9][A-Za-z0-9:._-]{0,127}$'::text)),
    CONSTRAINT enrolment_tokens_hash_check CHECK ((length(hash) = 32))
);

--
-- Name: ip_blocks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ip_blocks (
    network cidr NOT NULL,
    reason text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    ended_at timestamp with time zone,
    registry_version bigint NOT NULL
);

--
-- Name: log_epochs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.log_epochs (
    shard smallint NOT NULL,
    epoch text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: metrics; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.metrics (
    device_id text NOT NULL,
    metric_id smallint NOT NULL,
    name text NOT NULL,
    unit text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT metrics_metric_id_check CHECK (((metric_id >= 1) AND (metric_id <= 64))),
    CONSTRAINT metrics_name_check CHECK ((name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'::text))
);

--
-- Name: newest_positions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.newest_positions (
    device_id text NOT NULL,
    "time" timestamp with time zone NOT NULL,
    "position" public.geography(Point,4326) NOT NULL,
    altitude_m double precision
);

--
-- Name: readings; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.readings (
    device_id text NOT NULL,
    metric_id smallint NOT NULL,
    "time" timestamp with time zone NOT NULL,
    value double precision,
    value_string text,
    value_bool boolean,
    value_sum double precision,
    received_at timestamp with time zone NOT NULL,
    late boolean NOT NULL,
    CONSTRAINT readings_check CHECK ((num_nonnulls(value, value_string, value_bool) <= 1)),
    CONSTRAINT readings_check1 CHECK ((num_nonnulls(value, value_string, value_bool, value_sum) >= 1))
)
PARTITION BY RANGE ("time");

--
-- Name: readings_hour; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.readings_hour (
    device_id text NOT NULL,
    metric_id smallint NOT NULL,
    "time" timestamp with time zone NOT NULL,
    readings bigint NOT NULL,
    numbers bigint NOT NULL,
    sum double precision,
    min double precision,
    max double precision
)
PARTITION BY RANGE ("time");

--
-- Name: readings_minute; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.readings_minute (
    device_id text NOT NULL,
    metric_id smallint NOT NULL,
    "time" timestamp with time zone NOT NULL,
    readings bigint NOT NULL,
    numbers bigint NOT NULL,
    sum double precision,
    min double precision,
    max double precision
)
PARTITION BY RANGE ("time");

--
-- Name: registry_requests; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.registry_requests (
    id text NOT NULL,
    kind text NOT NULL,
    outcome jsonb NOT NULL,
    decided_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT registry_requests_kind_check CHECK ((kind = ANY (ARRAY['enrolment'::text, 'key'::text])))
);

--
-- Name: registry_state; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.registry_state (
    singleton boolean DEFAULT true NOT NULL,
    version bigint NOT NULL,
    trust_version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT registry_state_singleton_check CHECK (singleton)
);

--
-- Name: rules; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.rules (
    id text NOT NULL,
    version integer NOT NULL,
    kind text NOT NULL,
    definition jsonb NOT NULL,
    enabled boolean NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    registry_version bigint NOT NULL,
    CONSTRAINT rules_version_check CHECK ((version > 0))
);

--
-- Name: schema_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_migrations (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    run_on timestamp without time zone NOT NULL
);

--
-- Name: schema_migrations_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.schema_migrations_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

--
-- Name: schema_migrations_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.schema_migrations_id_seq OWNED BY public.schema_migrations.id;

--
-- Name: security_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.security_events (
    id uuid NOT NULL,
    kind text NOT NULL,
    at timestamp with time zone NOT NULL,
    device_id text,
    address inet,
    code text,
    actor text NOT NULL,
    detail jsonb NOT NULL,
    stored_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT security_events_kind_check CHECK ((kind ~ '^[a-z][a-z-]{0,39}$'::text))
);

--
-- Name: zones; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.zones (
    id text NOT NULL,
    name text NOT NULL,
    area public.geometry(MultiPolygon,4326) NOT NULL,
    registry_version bigint NOT NULL,
    CONSTRAINT zones_area_check CHECK (public.st_isvalid(area)),
    CONSTRAINT zones_id_check CHECK ((id ~ '^[a-z0-9][a-z0-9-]{0,63}$'::text))
);

--
-- Name: schema_migrations id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_migrations ALTER COLUMN id SET DEFAULT nextval('public.schema_migrations_id_seq'::regclass);

--
-- Name: alert_transitions alert_transitions_cursor_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alert_transitions
    ADD CONSTRAINT alert_transitions_cursor_key UNIQUE (cursor);

--
-- Name: alert_transitions alert_transitions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alert_transitions
    ADD CONSTRAINT alert_transitions_pkey PRIMARY KEY (alert_id, version);

--
-- Name: alerts alerts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alerts
    ADD CONSTRAINT alerts_pkey PRIMARY KEY (id);

--
-- Name: api_keys api_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

--
-- Name: device_clocks device_clocks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_clocks
    ADD CONSTRAINT device_clocks_pkey PRIMARY KEY (device_id);

--
-- Name: device_keys device_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_keys
    ADD CONSTRAINT device_keys_pkey PRIMARY KEY (device_id, key_id);

--
-- Name: device_keys device_keys_thumbprint_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_keys
    ADD CONSTRAINT device_keys_thumbprint_key UNIQUE (thumbprint);

--
-- Name: device_positions device_positions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_positions
    ADD CONSTRAINT device_positions_pkey PRIMARY KEY (device_id, "time");

--
-- Name: devices devices_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_pkey PRIMARY KEY (id);

--
-- Name: enrolment_tokens enrolment_tokens_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.enrolment_tokens
    ADD CONSTRAINT enrolment_tokens_pkey PRIMARY KEY (hash);

--
-- Name: ip_blocks ip_blocks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ip_blocks
    ADD CONSTRAINT ip_blocks_pkey PRIMARY KEY (network);

--
-- Name: log_epochs log_epochs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.log_epochs
    ADD CONSTRAINT log_epochs_pkey PRIMARY KEY (shard, epoch);

--
-- Name: metrics metrics_device_id_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.metrics
    ADD CONSTRAINT metrics_device_id_name_key UNIQUE (device_id, name);

--
-- Name: metrics metrics_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.metrics
    ADD CONSTRAINT metrics_pkey PRIMARY KEY (device_id, metric_id);

--
-- Name: newest_positions newest_positions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.newest_positions
    ADD CONSTRAINT newest_positions_pkey PRIMARY KEY (device_id);

--
-- Name: readings_hour readings_hour_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.readings_hour
    ADD CONSTRAINT readings_hour_pkey PRIMARY KEY (device_id, metric_id, "time");

--
-- Name: readings_minute readings_minute_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.readings_minute
    ADD CONSTRAINT readings_minute_pkey PRIMARY KEY (device_id, metric_id, "time");

--
-- Name: readings readings_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.readings
    ADD CONSTRAINT readings_pkey PRIMARY KEY (device_id, metric_id, "time");

--
-- Name: registry_requests registry_requests_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.registry_requests
    ADD CONSTRAINT registry_requests_pkey PRIMARY KEY (id);

--
-- Name: registry_state registry_state_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.registry_state
    ADD CONSTRAINT registry_state_pkey PRIMARY KEY (singleton);

--
-- Name: rules rules_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rules
    ADD CONSTRAINT rules_pkey PRIMARY KEY (id, version);

--
-- Name: schema_migrations schema_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (id);

--
-- Name: security_events security_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.security_events
    ADD CONSTRAINT security_events_pkey PRIMARY KEY (id);

--
-- Name: zones zones_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.zones
    ADD CONSTRAINT zones_pkey PRIMARY KEY (id);

--
-- Name: alert_transitions_decided; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX alert_transitions_decided ON public.alert_transitions USING btree (decided_at);

--
-- Name: alerts_active; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX alerts_active ON public.alerts USING btree (raised_at DESC) WHERE (state = 'active'::text);

--
-- Name: alerts_ended; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX alerts_ended ON public.alerts USING btree (ended_at);

--
-- Name: alerts_raised; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX alerts_raised ON public.alerts USING btree (raised_at);

--
-- Name: alerts_subject; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX alerts_subject ON public.alerts USING btree (rule_id, subject, raised_at DESC);

--
-- Name: api_keys_device; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX api_keys_device ON public.api_keys USING btree (device_id);

--
-- Name: api_keys_registry_version; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX api_keys_registry_version ON public.api_keys USING btree (registry_version);

--
-- Name: devices_place; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX devices_place ON public.devices USING gist ((("position")::public.geometry));

--
-- Name: devices_position; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX devices_position ON public.devices USING gist ("position");

--
-- Name: devices_registry_version; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX devices_registry_version ON public.devices USING btree (registry_version);

--
-- Name: enrolment_tokens_registry_version; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX enrolment_tokens_registry_version ON public.enrolment_tokens USING btree (registry_version);

--
-- Name: ip_blocks_registry_version; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ip_blocks_registry_version ON public.ip_blocks USING btree (registry_version);

--
-- Name: rules_registry_version; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX rules_registry_version ON public.rules USING btree (registry_version);

--
-- Name: security_events_address; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX security_events_address ON public.security_events USING btree (address, at DESC) WHERE (address IS NOT NULL);

--
-- Name: security_events_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX security_events_at ON public.security_events USING btree (at DESC);

--
-- Name: security_events_device; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX security_events_device ON public.security_events USING btree (device_id, at DESC) WHERE (device_id IS NOT NULL);

--
-- Name: zones_area; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX zones_area ON public.zones USING gist (area);

--
-- Name: alert_transitions alert_transitions_alert_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alert_transitions
    ADD CONSTRAINT alert_transitions_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES public.alerts(id);

--
-- Name: api_keys api_keys_device_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_device_id_fkey FOREIGN KEY (device_id) REFERENCES public.devices(id);

--
-- Name: device_keys device_keys_device_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_keys
    ADD CONSTRAINT device_keys_device_id_fkey FOREIGN KEY (device_id) REFERENCES public.devices(id);

--
-- Name: enrolment_tokens enrolment_tokens_used_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.enrolment_tokens
    ADD CONSTRAINT enrolment_tokens_used_by_fkey FOREIGN KEY (used_by) REFERENCES public.devices(id);

--
-- PostgreSQL database dump complete
--
