/* date: points in time as text. See date.h. */
#include "base/date.h"

#include "base/num.h"

#define DAY_SECONDS 86400u

static bool is_leap(uint64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static uint64_t month_days(uint64_t year, uint64_t month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01 to the first of January. */
static uint64_t days_before_year(uint64_t year)
{
	uint64_t y = year - 1;

	return 365 * (year - 1970) + (y / 4 - y / 100 + y / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static void split_days(uint64_t days, uint64_t *year, uint64_t *month, uint64_t *day)
{
	uint64_t y = 1970 + days / 366;

	if (y > 9999)
		y = 9999;
	while (y < 9999 && days_before_year(y + 1) <= days)
		y++;
	days -= days_before_year(y);
	*month = 1;
	while (*month < 12 && days >= month_days(y, *month))
		days -= month_days(y, (*month)++);
	*year = y;
	*day = days + 1;
}

char *date_text(uint64_t seconds, char text[DATE_TEXT_MAX])
{
	uint64_t year, month, day;

	split_days(seconds / DAY_SECONDS, &year, &month, &day);
	snprintf(text, DATE_TEXT_MAX, "%04u-%02u-%02u", (unsigned int)year % 10000, (unsigned int)month % 100,
		 (unsigned int)day % 100);
	return text;
}

char *date_time_text(uint64_t seconds, char text[DATE_TEXT_MAX])
{
	unsigned int s = (unsigned int)(seconds % DAY_SECONDS);
	char day[DATE_TEXT_MAX];

	date_text(seconds, day);
	snprintf(text, DATE_TEXT_MAX, "%.10sT%02u:%02u:%02uZ", day, s / 3600, s / 60 % 60, s % 60);
	return text;
}

/* Two digits at s[at], below `limit`. */
static bool two_digits(struct str s, size_t at, uint64_t limit, uint64_t *ret)
{
	return num_u64(str_head(str_from(s, at), 2), 10, ret) && s.n >= at + 2 && *ret < limit;
}

static bool parse_zone(struct str zone, uint64_t *seconds)
{
	uint64_t hours, minutes, shift;

	if (zone.n == 0 || str_eq(zone, STR("Z")) || str_eq(zone, STR("z")))
		return true;
	if (zone.n != 6 || zone.p[3] != ':' || !two_digits(zone, 1, 24, &hours) || !two_digits(zone, 4, 60, &minutes))
		return false;
	shift = hours * 3600 + minutes * 60;
	if (zone.p[0] == '-')
		*seconds += shift;
	else if (zone.p[0] == '+' && *seconds >= shift)
		*seconds -= shift;
	else
		return false;
	return true;
}

/* "12:00:00[.123][zone]" */
static bool parse_time(struct str s, uint64_t *seconds)
{
	uint64_t h, m, sec;
	size_t n = 8;

	if (s.n < n || s.p[2] != ':' || s.p[5] != ':' || !two_digits(s, 0, 24, &h) || !two_digits(s, 3, 60, &m) ||
	    !two_digits(s, 6, 61, &sec)) /* a leap second is :60 */
		return false;
	*seconds += h * 3600 + m * 60 + sec;
	if (n < s.n && s.p[n] == '.')
		for (n++; n < s.n && is_digit(s.p[n]);)
			n++;
	return parse_zone(str_from(s, n), seconds);
}

bool date_parse(struct str s, uint64_t *ret)
{
	uint64_t year, month, day, seconds;

	if (s.n < 10 || s.p[4] != '-' || s.p[7] != '-' || !num_u64(str_head(s, 4), 10, &year) || year < 1970 ||
	    !two_digits(s, 5, 13, &month) || !month || !two_digits(s, 8, 32, &day) || !day ||
	    day > month_days(year, month))
		return false;
	seconds = days_before_year(year) + day - 1;
	for (uint64_t i = 1; i < month; i++)
		seconds += month_days(year, i);
	seconds *= DAY_SECONDS;
	if (s.n > 10) {
		if (s.p[10] != 'T' && s.p[10] != 't' && s.p[10] != ' ')
			return false;
		if (!parse_time(str_from(s, 11), &seconds))
			return false;
	}
	*ret = seconds;
	return true;
}
