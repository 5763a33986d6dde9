/* banned: functions whose use is a compile error. Each row has a bounded replacement in base/. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

/* The headers that declare them come first: poisoning applies to every later use of the name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat strtok sprintf vsprintf gets
#pragma GCC poison atoi atol atoll strtol strtoul strtoll strtoull sscanf
#pragma GCC poison localtime gmtime ctime asctime mktime

#endif
