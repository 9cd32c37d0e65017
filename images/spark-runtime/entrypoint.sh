#!/usr/bin/env bash
# What a container of Spark does, by its first argument:
#   driver | executor   as Spark on Kubernetes starts them, told through the same environment
#   connect | history   one JVM on the image's jars and class data archive (launch/launch.py)
#   anything else       is run as it stands
# tini is process 1 and this script ends in an exec, so signals reach Spark and its exit code is
# the container's.
set -euo pipefail
shopt -s nullglob

PLATFORM=/opt/platform
CERTS=/opt/certs
LAUNCH="$SPARK_HOME/launch"
ARCHIVE="$LAUNCH/classes.jsa"
# what init scripts may replace
export SPARK_PLATFORM_DEFAULTS="${SPARK_PLATFORM_DEFAULTS:-$PLATFORM/conf/spark-defaults.conf}"

fail() {
  echo "entrypoint: $1" >&2
  exit "${2:-2}"
}

# Hadoop refuses a user without a name, which a uid picked by the platform has not
name_the_user() {
  if getent passwd "$(id -u)" >/dev/null; then
    return
  fi
  local folder library
  folder=$(mktemp -d)
  library=$(echo /usr/lib/*/libnss_wrapper.so)
  { cat /etc/passwd && echo "${SPARK_USER_NAME:-spark}:x:$(id -u):$(id -g)::$SPARK_HOME/work-dir:/usr/sbin/nologin"; } \
    >"$folder/passwd"
  export LD_PRELOAD="$library" NSS_WRAPPER_PASSWD="$folder/passwd" NSS_WRAPPER_GROUP=/etc/group
  export HOME="$SPARK_HOME/work-dir"
}

# Certificates in /opt/certs (one a file) are trusted by Java and by what reads a bundle, without
# root. The image's own authorities stay trusted.
trust_certificates() {
  local certificates=("$CERTS"/*.crt "$CERTS"/*.pem) folder file
  ((${#certificates[@]})) || return 0
  folder=$(mktemp -d)
  cat /etc/ssl/certs/ca-certificates.crt "${certificates[@]}" >"$folder/bundle.crt"
  cp "$JAVA_HOME/lib/security/cacerts" "$folder/cacerts"
  chmod u+w "$folder/cacerts"
  for file in "${certificates[@]}"; do
    keytool -importcert -noprompt -keystore "$folder/cacerts" -storepass changeit \
      -alias "$(basename "$file")" -file "$file" >/dev/null 2>&1 ||
      fail "$file is not a certificate that Java reads"
  done
  export SSL_CERT_FILE="$folder/bundle.crt" REQUESTS_CA_BUNDLE="$folder/bundle.crt" \
    AWS_CA_BUNDLE="$folder/bundle.crt" GRPC_DEFAULT_SSL_ROOTS_FILE_PATH="$folder/bundle.crt"
  export JAVA_TOOL_OPTIONS="${JAVA_TOOL_OPTIONS:-} -Djavax.net.ssl.trustStore=$folder/cacerts"
}

# Sourced, so that they may export; they see the container's arguments as theirs
run_init_scripts() {
  local script
  for script in "$PLATFORM"/init.d/*.sh; do
    # shellcheck source=/dev/null
    source "$script" || fail "the init script $script ended with $?" 1
  done
}

# The jars in the order in which the class data archive was made, then those added since
class_path() {
  local listed=() jar
  mapfile -t listed < <(cat "$LAUNCH"/classpath/*)
  declare -A known=()
  for jar in "${listed[@]}"; do known[$jar]=1; done
  for jar in "$SPARK_HOME"/jars/*.jar; do
    [[ -v "known[$jar]" ]] || listed+=("$jar")
  done
  local IFS=:
  echo "${listed[*]}"
}

# The platform's defaults, then the job's own properties, which win: Java keeps the last of a key
driver_arguments() {
  local defaults="$SPARK_PLATFORM_DEFAULTS" own="${SPARK_CONF_DIR:-$SPARK_HOME/conf}/spark-defaults.conf"
  arguments=()
  while (($#)); do
    case "$1" in
      --properties-file)
        (($# > 1)) || fail "--properties-file wants a file"
        own="$2"
        shift
        ;;
      --properties-file=*) own="${1#*=}" ;;
      *) arguments+=("$1") ;;
    esac
    shift
  done
  if [[ -r "$defaults" ]]; then
    local merged
    merged=$(mktemp -d)/spark.properties
    { cat "$defaults" && echo && if [[ -e "$own" ]]; then cat "$own"; fi; } >"$merged"
    own="$merged"
  fi
  if [[ -e "$own" ]]; then
    arguments=(--properties-file "$own" "${arguments[@]}")
  fi
  if [[ -n "${SPARK_DRIVER_BIND_ADDRESS:-}" ]]; then
    arguments=(--conf "spark.driver.bindAddress=$SPARK_DRIVER_BIND_ADDRESS" "${arguments[@]}")
  fi
}

executor_command() {
  local names name options=() first="" last
  mapfile -t names < <(compgen -v SPARK_JAVA_OPT_ | sort -t_ -k4 -n)
  for name in "${names[@]}"; do options+=("${!name}"); done
  # What is put in front of Spark's jars rules the archive out; configuration comes after them,
  # where none of Spark's jars hides it
  if [[ -n "${SPARK_CLASSPATH:-}" ]]; then
    first="$SPARK_CLASSPATH:"
  elif [[ -r "$ARCHIVE" ]]; then
    options=(-Xshare:auto "-XX:SharedArchiveFile=$ARCHIVE" -Xlog:disable -Xlog:all=error:stderr "${options[@]}")
  fi
  last="${SPARK_EXTRA_CLASSPATH:+:$SPARK_EXTRA_CLASSPATH}"
  last+="${SPARK_DIST_CLASSPATH:+:$SPARK_DIST_CLASSPATH}"
  last+=":${SPARK_CONF_DIR:-$SPARK_HOME/conf}${HADOOP_CONF_DIR:+:$HADOOP_CONF_DIR}"
  command=(
    "$JAVA_HOME/bin/java"
    "${options[@]}"
    "-Xms$SPARK_EXECUTOR_MEMORY"
    "-Xmx$SPARK_EXECUTOR_MEMORY"
    -cp "$first$(class_path)$last"
    org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend
    --driver-url "$SPARK_DRIVER_URL"
    --executor-id "$SPARK_EXECUTOR_ID"
    --cores "$SPARK_EXECUTOR_CORES"
    --app-id "$SPARK_APPLICATION_ID"
    --hostname "$SPARK_EXECUTOR_POD_IP"
    --resourceProfileId "${SPARK_RESOURCE_PROFILE_ID:-0}"
    --podName "${SPARK_EXECUTOR_POD_NAME:-$HOSTNAME}"
    "$@"
  )
}

require() {
  local name
  for name in "$@"; do
    [[ -n "${!name:-}" ]] || fail "an executor needs the variable $name"
  done
}

(($#)) || fail "nothing to do: say driver, executor, connect, history or a command"
name_the_user
trust_certificates
run_init_scripts "$@"

case "$1" in
  driver)
    shift
    driver_arguments "$@"
    exec "$SPARK_HOME/bin/spark-submit" --deploy-mode client "${arguments[@]}"
    ;;
  executor)
    shift
    require SPARK_DRIVER_URL SPARK_EXECUTOR_ID SPARK_EXECUTOR_CORES SPARK_EXECUTOR_MEMORY \
      SPARK_APPLICATION_ID SPARK_EXECUTOR_POD_IP
    executor_command "$@"
    exec "${command[@]}"
    ;;
  connect | history)
    # isolated: an application's modules must not stand in for Python's own
    exec python3 -I "$LAUNCH/launch.py" "$@"
    ;;
  *)
    exec "$@"
    ;;
esac
