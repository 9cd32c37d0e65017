# shellcheck shell=bash
# Starts the local S3 and the mock Unity Catalog beside Spark, and tells Spark of them.
case "${1:-}" in
  connect | driver) ;;
  *) return 0 ;;
esac

_surroundings=$(mktemp -d)
PATH="/opt/testkit/packages/bin:$PATH" PYTHONPATH=/opt/testkit/source:/opt/testkit/packages \
  python3 -m spark_testkit.surroundings "$_surroundings" &
while [[ ! -e "$_surroundings/environment" ]]; do
  kill -0 $! 2>/dev/null || return 1
  sleep 0.05
done
# shellcheck source=/dev/null
source "$_surroundings/environment"
# what the image's own configuration says wins
cat "$_surroundings/spark-defaults.conf" >"$_surroundings/defaults"
if [[ -r "${SPARK_PLATFORM_DEFAULTS:-}" ]]; then
  { echo && cat "$SPARK_PLATFORM_DEFAULTS"; } >>"$_surroundings/defaults"
fi
export SPARK_PLATFORM_DEFAULTS="$_surroundings/defaults"
